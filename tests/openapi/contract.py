"""One service's contract, asked whether a recorded exchange keeps it."""

import base64
import json
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from jsonschema_path import SchemaPath
from openapi_core import V31RequestValidator, V31ResponseValidator
from openapi_core.datatypes import RequestParameters
from werkzeug.datastructures import Headers, ImmutableMultiDict

import documents

# What a server says where no operation is meant: no such route, no such method on it, a target that is no path.
UNROUTED_STATUSES = {400, 404, 405}
BODILESS_STATUSES = {204, 304}


class ExchangeError(Exception):
    """A recorded line that is no exchange."""


@dataclass
class Exchange:
    """One request and its answer, in the form openapi-core asks for (its Request and Response protocols)."""

    service: str
    method: str
    url: str
    request_headers: Headers
    request_body: bytes
    status: int
    response_headers: Headers
    response_body: bytes
    host_url: str = ""
    path: str = ""
    path_pattern: str = ""
    parameters: RequestParameters = field(default_factory=RequestParameters)

    @staticmethod
    def parse(line):
        """Raises ExchangeError."""
        try:
            record = json.loads(line)
            exchange = Exchange(
                service=record["service"],
                method=record["method"].upper(),
                url=record["url"],
                request_headers=Headers([tuple(pair) for pair in record["requestHeaders"]]),
                request_body=base64.b64decode(record.get("requestBody") or "", validate=True),
                status=int(record["status"]),
                response_headers=Headers([tuple(pair) for pair in record["responseHeaders"]]),
                response_body=base64.b64decode(record.get("responseBody") or "", validate=True),
            )
            parts = urlsplit(exchange.url)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ExchangeError(f"not an exchange: {type(error).__name__}: {error}") from error
        exchange.host_url = f"{parts.scheme}://{parts.netloc}"
        exchange.path = parts.path
        exchange.parameters = RequestParameters(
            query=ImmutableMultiDict(parse_qsl(parts.query, keep_blank_values=True)),
            header=exchange.request_headers,
            cookie=ImmutableMultiDict(),
        )
        return exchange

    def __str__(self):
        def text(headers, body):
            lines = [f"      {name}: {'Bearer …' if name.lower() == 'authorization' else value}" for name, value in headers]
            shown = body[:2000].decode("utf-8", errors="replace")
            return "\n".join(lines + ([f"      {shown}{'…' if len(body) > 2000 else ''}"] if body else []))

        return (
            f"    {self.method} {self.url}\n{text(self.request_headers, self.request_body)}\n"
            f"    -> {self.status}\n{text(self.response_headers, self.response_body)}"
        )


class _RequestView:
    """The request half under the names openapi-core uses."""

    def __init__(self, exchange):
        self.host_url = exchange.host_url
        self.path = exchange.path
        self.path_pattern = exchange.path_pattern
        self.method = exchange.method.lower()
        self.parameters = exchange.parameters
        self.content_type = exchange.request_headers.get("content-type", "")
        self.body = exchange.request_body


class _ResponseView:
    """The response half under the names openapi-core uses."""

    def __init__(self, exchange):
        self.status_code = exchange.status
        self.headers = exchange.response_headers
        self.content_type = exchange.response_headers.get("content-type", "")
        self.data = exchange.response_body
        if not self.data and self.content_type.startswith(("text/", "application/x-ndjson", "application/x-protobuf")):
            # No text, no lines, a message without fields: a body all the same, where openapi-core sees none.
            self.data = b"\n"


def _json(body, **_):
    # The answer must be what RFC 8259 calls JSON: no NaN, no repeated names, UTF-8 without a byte order mark.
    def reject(constant):
        raise ValueError(f"{constant} is not JSON")

    def unique(pairs):
        result = dict(pairs)
        if len(result) != len(pairs):
            raise ValueError("a name is there twice")
        return result

    return json.loads(body.decode("utf-8"), parse_constant=reject, object_pairs_hook=unique)


def _text(body, **_):
    return body.decode("utf-8")


def _bytes(body, **_):
    # A string of bytes, as the schema says; which bytes, only its own reader can tell.
    return body.decode("latin-1")


_DESERIALIZERS = {
    "application/json": _json,
    "application/merge-patch+json": _json,
    "application/problem+json": _json,
    "application/x-ndjson": _text,
    "application/x-protobuf": _bytes,
    "image/svg+xml": _text,
    "text/css": _text,
    "text/csv": _text,
    "text/html": _text,
    "text/javascript": _text,
    "text/plain": _text,
}


class Contract:
    """What one openapi.yaml promises."""

    def __init__(self, document):
        # Servers name where the service usually listens; the tests run it on any free port.
        self.document = {name: value for name, value in document.items() if name != "servers"}
        self.operations = set(documents.operations(self.document))
        self.codes = set(self.document.get("x-error-codes", {}))
        self.routes = sorted((self._route(path) for path in self.document.get("paths", {})), key=lambda route: route[:2])
        spec = SchemaPath.from_dict(self.document)
        self._requests = V31RequestValidator(spec, extra_media_type_deserializers=_DESERIALIZERS)
        # A field that no schema names is a part of the API that nobody documented.
        self._responses = V31ResponseValidator(
            spec, extra_media_type_deserializers=_DESERIALIZERS, forbid_unspecified_additional_properties=True
        )

    @staticmethod
    def _route(path):
        names = re.findall(r"\{([^}]+)\}", path)
        pattern = "".join("([^/]*)" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{[^}]+\})", path))
        # Fewer parameters first: /products/low-stock before /products/{id}.
        return len(names), path, re.compile(pattern), names

    def operation(self, exchange):
        """The (METHOD, template) an exchange is about, or None; fills in the exchange's path parameters."""
        for _, template, pattern, names in self.routes:
            match = pattern.fullmatch(exchange.path)
            if match:
                exchange.path_pattern = template
                exchange.parameters.path = {name: unquote(value) for name, value in zip(names, match.groups())}
                key = (exchange.method, template)
                if key in self.operations:
                    return key
        return None

    def violations(self, exchange):
        """What an exchange breaks, as texts; empty when it keeps the contract."""
        operation = self.operation(exchange)
        if operation is None:
            return self._unrouted(exchange)
        found = [f"response: {_explain(error)}" for error in self._responses.iter_errors(_RequestView(exchange), _ResponseView(exchange))]
        found += self._body_faults(exchange, operation)
        if 200 <= exchange.status < 300:
            found += [
                f"request: was accepted though {_explain(error)}" for error in self._requests.iter_errors(_RequestView(exchange))
            ]
        return found

    def _body_faults(self, exchange, operation):
        method, template = operation
        responses = self.document["paths"][template][method.lower()].get("responses", {})
        documented = responses.get(str(exchange.status)) or responses.get(f"{exchange.status // 100}XX") or {}
        if "$ref" in documented:
            documented = self._resolve(documented["$ref"])
        found = []
        if exchange.response_body and (exchange.status in BODILESS_STATUSES or "content" not in documented):
            found.append("response: has a body, and none is documented")
        if exchange.response_body and "content-type" not in exchange.response_headers:
            found.append("response: has a body and no Content-Type")
        if exchange.response_headers.get("content-type", "").startswith("application/problem+json"):
            found += self._code_faults(exchange, documented)
        return found

    def _code_faults(self, exchange, documented):
        """Where a description names error codes, it names all that can occur there."""
        named = self.codes.intersection(re.findall(r"`([a-z_]+)`", documented.get("description", "")))
        try:
            code = json.loads(exchange.response_body).get("code")
        except (ValueError, AttributeError):  # said by the schema
            return []
        return [f"response: its code is '{code}', and documented are {', '.join(sorted(named))}"] if named and code not in named else []

    def _resolve(self, reference):
        value = self.document
        for part in reference.removeprefix("#/").split("/"):
            value = value[part.replace("~1", "/").replace("~0", "~")]
        return value

    def _unrouted(self, exchange):
        if exchange.method == "HEAD" and ("GET", exchange.path_pattern) in self.operations and exchange.status < 500:
            return ["response: HEAD is answered with a body"] if exchange.response_body else []
        if exchange.status not in UNROUTED_STATUSES:
            return [f"response: {exchange.status} from {exchange.method} on a path that the contract does not name"]
        content_type = exchange.response_headers.get("content-type", "").split(";")[0].strip()
        if content_type != "application/problem+json":
            return [f"response: an error of type '{content_type}', not application/problem+json"]
        try:
            problem = _json(exchange.response_body)
        except ValueError as error:
            return [f"response: {error}"]
        missing = [name for name in ("type", "title", "status", "detail") if name not in problem]
        return [f"response: the problem lacks {', '.join(missing)}"] if missing else []


def _explain(error):
    """An error of openapi-core with what caused it: its own text alone often says only that something is invalid."""
    parts = []
    while error is not None:
        details = getattr(error, "schema_errors", None)
        if details:
            for detail in details:
                where = "/".join(str(part) for part in detail.absolute_path)
                parts.append(f"at '/{where}': {detail.message[:300]}")
        else:
            try:
                text = str(error)
            except UnicodeDecodeError:  # openapi-core quotes the body
                text = "the body is not UTF-8"
            if text and text not in parts:
                parts.append(text)
        error = error.__cause__
    return ": ".join(parts)
