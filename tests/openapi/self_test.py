#!/usr/bin/env python3
"""The validator's own tests: it passes a good exchange and catches each planted fault. A check that cannot fail checks nothing."""

import base64
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path

import documents
from contract import Contract, Exchange, ExchangeError
from validate_exchanges import validate

DOCUMENT = """
openapi: 3.1.0
info: {title: Toys, version: "1"}
servers: [{url: "http://127.0.0.1:8001"}]
security: [{bearer: []}]
paths:
  /api/v1/toys/{id}:
    parameters:
      - {name: id, in: path, required: true, schema: {type: string, pattern: "^[a-z]+$"}}
    get:
      operationId: getToy
      security: []
      parameters:
        - {name: limit, in: query, schema: {type: integer, minimum: 1, maximum: 200}}
      responses:
        "200":
          description: The toy.
          headers:
            ETag: {required: true, schema: {type: string}}
          content:
            application/json: {schema: {$ref: "#/components/schemas/Toy"}}
        304: {description: Not modified.}
        "404": {$ref: "#/components/responses/Problem"}
    put:
      operationId: putToy
      requestBody:
        required: true
        content:
          application/json: {schema: {$ref: "#/components/schemas/Toy"}}
      responses:
        "204": {description: Kept.}
        "409":
          description: "`toy_taken`, and `name` says by whom."
          content: {application/problem+json: {}}
        "422": {$ref: "#/components/responses/Problem"}
  /api/v1/toys/rare:
    get:
      operationId: rareToys
      security: []
      responses:
        "200":
          description: One a line.
          content:
            application/x-ndjson: {schema: {type: string}}
components:
  securitySchemes:
    bearer: {type: http, scheme: bearer}
  responses:
    Problem:
      description: What went wrong.
      content:
        application/problem+json:
          schema:
            type: object
            required: [type, title, status, detail]
            properties:
              type: {type: string}
              title: {type: string}
              status: {type: integer}
              detail: {type: string}
  schemas:
    Toy:
      type: object
      required: [name, madeAt]
      properties:
        name: {type: string, maxLength: 5}
        price: {type: [integer, "null"]}
        madeAt: {type: string, format: date-time}
x-error-codes: {toy_taken: Somebody has it., toy_broken: It is broken.}
"""

TOY = {"name": "ball", "price": 3, "madeAt": "2026-01-02T03:04:05.000006Z"}
PROBLEM = {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "no such toy"}


def line(method="GET", path="/api/v1/toys/ball", status=200, answer=TOY, headers=None, request=None, request_headers=(), **extra):
    """One recorded exchange; by default a good one."""

    def encode(body):
        if body is None:
            return None
        return base64.b64encode(body if isinstance(body, bytes) else json.dumps(body).encode()).decode()

    if headers is None:
        kind = "application/problem+json" if status >= 400 else "application/json"
        headers = [["Content-Type", kind], ["etag", '"1"']]
    record = {
        "service": "toy-service", "method": method, "url": f"http://127.0.0.1:4711{path}",
        "requestHeaders": [list(header) for header in request_headers], "requestBody": encode(request),
        "status": status, "responseHeaders": headers, "responseBody": encode(answer),
    }  # fmt: skip
    return json.dumps(record | extra)


AUTHORISED = (("Authorization", "Bearer x"), ("Content-Type", "application/json"))
PUT = {"method": "PUT", "status": 204, "answer": None, "headers": [], "request": TOY, "request_headers": AUTHORISED}


class Exchanges(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.contract = Contract(documents.parse_yaml(DOCUMENT))

    def judge(self, **arguments):
        return self.contract.violations(Exchange.parse(line(**arguments)))

    def passes(self, **arguments):
        self.assertEqual(self.judge(**arguments), [])

    def catches(self, text, **arguments):
        found = self.judge(**arguments)
        self.assertTrue(any(text in violation for violation in found), f"'{text}' not in {found}")

    def test_good_exchanges_pass(self):
        self.passes()
        self.passes(path="/api/v1/toys/ball?limit=2")
        self.passes(answer={**TOY, "price": None})
        self.passes(status=304, answer=None, headers=[])
        self.passes(status=404, answer=PROBLEM)
        self.passes(path="/api/v1/toys/rare", answer=b'{"a":1}\n{"a":2}\n', headers=[["content-type", "application/x-ndjson"]])
        self.passes(path="/api/v1/toys/rare", answer=None, headers=[["content-type", "application/x-ndjson"]])
        self.passes(**PUT)
        self.passes(method="HEAD", answer=None)

    def test_an_answer_with_a_missing_field_is_caught(self):
        self.catches("'name' is a required property", answer={"madeAt": TOY["madeAt"]})

    def test_an_answer_with_a_wrong_type_is_caught(self):
        self.catches("at '/price'", answer={**TOY, "price": "3"})
        self.catches("is too long", answer={**TOY, "name": "a very long name"})
        self.catches("is not a 'date-time'", answer={**TOY, "madeAt": "yesterday"})

    def test_an_undocumented_field_is_caught(self):
        self.catches("'colour'", answer={**TOY, "colour": "red"})

    def test_an_undocumented_status_is_caught(self):
        self.catches("500", status=500, answer=PROBLEM)
        self.catches("201", status=201)

    def test_an_undocumented_content_type_is_caught(self):
        self.catches("text/plain", answer=b"ball", headers=[["content-type", "text/plain"], ["etag", '"1"']])
        self.catches("application/json", status=404, answer=PROBLEM, headers=[["content-type", "application/json"]])

    def test_an_answer_that_is_no_json_is_caught(self):
        for body in (b"{", b'{"name": NaN}', b'{"name":"a","name":"b"}', b"\xff", b"\xef\xbb\xbf{}", b""):
            self.assertNotEqual(self.judge(answer=body), [], body)

    def test_a_missing_required_header_is_caught(self):
        self.catches("ETag", headers=[["content-type", "application/json"]])

    def test_a_body_where_none_is_documented_is_caught(self):
        self.catches("none is documented", status=304)
        self.catches("none is documented", **{**PUT, "answer": {"a": 1}, "headers": [["content-type", "application/json"]]})

    def test_an_error_code_that_the_description_does_not_name_is_caught(self):
        conflict = {**PUT, "status": 409, "headers": [["content-type", "application/problem+json"]]}
        self.passes(**conflict | {"answer": {"code": "toy_taken"}})
        self.catches("its code is 'toy_broken'", **conflict | {"answer": {"code": "toy_broken"}})
        self.catches("its code is 'None'", **conflict | {"answer": {}})

    def test_a_bad_request_that_was_accepted_is_caught(self):
        self.catches("was accepted", path="/api/v1/toys/ball?limit=0")
        self.catches("was accepted", path="/api/v1/toys/ball?limit=many")
        self.catches("was accepted", path="/api/v1/toys/BALL")
        self.catches("was accepted", **{**PUT, "request": {"name": "ball"}})
        self.catches("was accepted", **{**PUT, "request": None})
        self.catches("was accepted", **{**PUT, "request_headers": AUTHORISED[:1]})
        self.catches("was accepted", **{**PUT, "request_headers": AUTHORISED[1:]})

    def test_a_bad_request_that_was_refused_is_fine(self):
        self.passes(**{**PUT, "request": {"name": 5}, "status": 422, "answer": PROBLEM, "headers": [["content-type", "application/problem+json"]]})

    def test_a_route_that_the_contract_does_not_name_is_caught(self):
        self.catches("does not name", path="/api/v1/secret")
        self.catches("does not name", method="DELETE", status=204, answer=None, headers=[])
        self.passes(path="/api/v1/secret", status=404, answer=PROBLEM)
        self.passes(method="DELETE", status=405, answer=PROBLEM)
        self.catches("not application/problem+json", path="/api/v1/secret", status=404, answer=b"no", headers=[["content-type", "text/plain"]])
        self.catches("lacks detail", path="/api/v1/secret", status=404, answer={"type": "", "title": "", "status": 404})

    def test_a_fixed_path_goes_before_a_template(self):
        self.assertEqual(self.contract.operation(Exchange.parse(line(path="/api/v1/toys/rare"))), ("GET", "/api/v1/toys/rare"))
        self.assertEqual(self.contract.operation(Exchange.parse(line(path="/api/v1/toys/a%2Fb"))), ("GET", "/api/v1/toys/{id}"))

    def test_a_line_that_is_no_exchange_is_refused(self):
        for text in ("", "{}", "[1]", line(responseBody="!"), line(requestHeaders=[["a"]]), line(method=None), line()[:-9]):
            with self.assertRaises(ExchangeError, msg=text):
                Exchange.parse(text)


class Report(unittest.TestCase):
    def report(self, lines):
        out = io.StringIO()
        documents_by_service = {"toy-service": documents.parse_yaml(DOCUMENT)}
        passed = validate(documents_by_service, ((f"test:{number}", text) for number, text in enumerate(lines)), processes=1, out=out)
        return passed, out.getvalue()

    everything = [line(), line(**PUT), line(path="/api/v1/toys/rare", answer=b"{}\n", headers=[["content-type", "application/x-ndjson"]])]

    def test_a_complete_and_correct_run_passes_and_counts(self):
        passed, text = self.report(self.everything)
        self.assertTrue(passed, text)
        self.assertIn("toy-service: 3 exchanges", text)
        self.assertIn("3 exchanges, 0 violations, 0 operations not exercised", text)

    def test_an_operation_that_nobody_called_fails(self):
        passed, text = self.report(self.everything[:2])
        self.assertFalse(passed)
        self.assertIn("GET /api/v1/toys/rare was never called", text)

    def test_an_operation_that_only_ever_failed_fails(self):
        refused = line(**{**PUT, "status": 422, "answer": PROBLEM, "headers": [["content-type", "application/problem+json"]]})
        passed, text = self.report([self.everything[0], refused, self.everything[2]])
        self.assertFalse(passed)
        self.assertIn("PUT /api/v1/toys/{id} was never seen to succeed", text)

    def test_a_service_without_exchanges_fails(self):
        passed, text = self.report([])
        self.assertFalse(passed)
        self.assertIn("no exchange was recorded", text)

    def test_a_violation_fails_and_is_shown_without_credentials(self):
        broken = line(**{**PUT, "answer": {"a": 1}, "request_headers": (("Authorization", "Bearer secret"), AUTHORISED[1])})
        passed, text = self.report([*self.everything, broken])
        self.assertFalse(passed)
        self.assertIn("VIOLATION ×1", text)
        self.assertIn("PUT http://127.0.0.1:4711/api/v1/toys/ball", text)
        self.assertNotIn("secret", text)

    def test_a_broken_line_fails(self):
        self.assertFalse(self.report([*self.everything, "{"])[0])

    def test_a_service_without_a_contract_is_counted_and_not_judged(self):
        passed, text = self.report([*self.everything, line(service="planted-service", status=500)])
        self.assertTrue(passed, text)
        self.assertIn("planted-service: 1 exchanges, not judged", text)
        self.assertFalse(self.report([line(service="toy-servcie"), *self.everything[1:]])[0])


class Documents(unittest.TestCase):
    def repository(self, text, embedded="{}"):
        root = Path(self.enterContext(tempfile.TemporaryDirectory())) if hasattr(self, "enterContext") else Path(tempfile.mkdtemp())
        resources = root / "toy-service" / "Sources" / "ToyService" / "Resources"
        resources.mkdir(parents=True)
        (root / "toy-service" / "openapi.yaml").write_text(text, encoding="utf-8")
        (resources / "openapi.json").write_text(embedded, encoding="utf-8")
        return root

    def run_quietly(self, *arguments):
        stdout, stderr = sys.stdout, sys.stderr
        sys.stdout = sys.stderr = io.StringIO()
        try:
            return documents.main([str(argument) for argument in arguments]), sys.stdout.getvalue()
        finally:
            sys.stdout, sys.stderr = stdout, stderr

    def test_rendering_then_checking_passes_and_a_changed_file_fails(self):
        root = self.repository(DOCUMENT)
        self.assertEqual(self.run_quietly("--root", root, "--check")[0], 1)
        self.assertEqual(self.run_quietly("--root", root)[0], 0)
        self.assertEqual(self.run_quietly("--root", root, "--check")[0], 0)
        yaml_path = root / "toy-service" / "openapi.yaml"
        yaml_path.write_text(DOCUMENT.replace("maxLength: 5", "maxLength: 6"), encoding="utf-8")
        code, text = self.run_quietly("--root", root, "--check")
        self.assertEqual(code, 1)
        self.assertIn("differs from openapi.yaml", text)

    def test_an_invalid_document_is_named_and_never_rendered(self):
        for text, expected in (
            (DOCUMENT.replace("openapi: 3.1.0", "openapi: 3.0.3"), "not 3.1.x"),
            (DOCUMENT.replace("operationId: putToy", "operationId: getToy"), "shares operationId"),
            (DOCUMENT.replace("      operationId: putToy\n", ""), "has no operationId"),
            (DOCUMENT.replace('"422"', "default"), "name each status"),
            (DOCUMENT.replace("description: The toy.", "descriptoin: The toy."), "toy-service"),
            (DOCUMENT.replace("info:", "paths: {}\ninfo:"), "is there twice"),
            ("- a\n", "not a YAML mapping"),
        ):
            root = self.repository(text)
            code, output = self.run_quietly("--root", root)
            self.assertEqual(code, 1, expected)
            self.assertIn(expected, output)
            self.assertEqual((root / "toy-service/Sources/ToyService/Resources/openapi.json").read_text(), "{}")

    def test_yaml_is_read_as_json_means_it(self):
        document = documents.parse_yaml("a: 2026-01-01\nb: no\nc: true\n200: 1\n")
        self.assertEqual(document, {"a": "2026-01-01", "b": "no", "c": True, "200": 1})

    def test_rendering_is_stable(self):
        self.assertEqual(documents.render({"b": 1, "a": "é"}), '{"a":"é","b":1}\n')

    def test_a_repository_without_services_fails(self):
        self.assertEqual(self.run_quietly("--root", tempfile.gettempdir() + "/no-such-folder", "--check")[0], 1)


if __name__ == "__main__":
    unittest.main(verbosity=1)
