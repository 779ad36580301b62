"""The services' OpenAPI files: found, read strictly, rendered into the JSON that each service embeds, and checked.

A service is a top-level folder with `Sources/*/Resources/openapi.json`; its contract is `openapi.yaml` in that folder.
"""

import argparse
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")


class DocumentError(Exception):
    """An OpenAPI file that cannot be used; the message says where and why."""


class _StrictLoader(yaml.SafeLoader):
    """YAML as JSON sees it: no dates, no yes/no booleans, no repeated keys."""


# YAML 1.1 turns 2026-01-01 into a date and `no` into false; an example in a contract means the text.
_StrictLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_StrictLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))


def _mapping(loader, node, deep=False):
    result = {}
    for key_node, value_node in node.value:
        # A status code is written as a number and is a string in JSON.
        key = str(loader.construct_object(key_node, deep=True))
        if key in result:
            raise DocumentError(f"line {key_node.start_mark.line + 1}: '{key}' is there twice")
        result[key] = loader.construct_object(value_node, deep=True)
    return result


_StrictLoader.add_constructor("tag:yaml.org,2002:map", _mapping)


def parse_yaml(text):
    """The document of a YAML text. Raises DocumentError."""
    try:
        document = yaml.load(text, Loader=_StrictLoader)
    except yaml.YAMLError as error:
        raise DocumentError(f"not YAML: {error}") from error
    if not isinstance(document, dict):
        raise DocumentError("not a YAML mapping")
    return document


def render(document):
    """The embedded form: compact, keys sorted, so that equal contracts are equal bytes."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"


@dataclass(frozen=True)
class Service:
    """One service's two forms of the same contract."""

    name: str
    yaml_path: Path
    json_path: Path

    def load(self):
        """The document of openapi.yaml. Raises DocumentError, which names the file."""
        if not self.yaml_path.is_file():
            raise DocumentError(f"{self.yaml_path}: is missing")
        try:
            return parse_yaml(self.yaml_path.read_text(encoding="utf-8"))
        except DocumentError as error:
            raise DocumentError(f"{self.yaml_path}: {error}") from error

    def embedded(self):
        """The document of the embedded openapi.json. Raises DocumentError, which names the file."""
        try:
            return json.loads(self.json_path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DocumentError(f"{self.json_path}: not JSON: {error}") from error


def services(root=ROOT):
    """Every service of the repository, by name. Raises DocumentError if there is none: an empty check proves nothing."""
    found = {}
    for json_path in sorted(root.glob("*/Sources/*/Resources/openapi.json")):
        folder = root / json_path.relative_to(root).parts[0]
        found[folder.name] = Service(folder.name, folder / "openapi.yaml", json_path)
    if not found:
        raise DocumentError(f"{root}: no service has Sources/*/Resources/openapi.json")
    return found


def operations(document):
    """Every (METHOD, path template) of a document."""
    for path, item in document.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                yield method.upper(), path


def faults(document):
    """What is wrong with a document, as texts; empty when nothing is."""
    from openapi_spec_validator import OpenAPIV31SpecValidator

    if not str(document.get("openapi", "")).startswith("3.1."):
        return [f"openapi is '{document.get('openapi')}', not 3.1.x"]
    found = [
        f"{'/'.join(str(part) for part in error.absolute_path) or 'document'}: {error.message}"
        for error in OpenAPIV31SpecValidator(document).iter_errors()
    ]
    seen = {}
    for method, path in operations(document):
        operation = document["paths"][path][method.lower()]
        identifier = operation.get("operationId")
        if not identifier:
            found.append(f"{method} {path}: has no operationId")
        elif identifier in seen:
            found.append(f"{method} {path}: shares operationId '{identifier}' with {seen[identifier]}")
        seen[identifier] = f"{method} {path}"
        if "default" in operation.get("responses", {}):
            found.append(f"{method} {path}: 'default' would document any answer: name each status")
    return found


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Renders each service's openapi.yaml into the openapi.json it embeds.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail if a file is invalid or an embedded one differs")
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository (default: this one)")
    options = parser.parse_args(arguments)

    problems = []
    try:
        found = services(options.root)
    except DocumentError as error:
        print(error, file=sys.stderr)
        return 1
    for service in found.values():
        try:
            document = service.load()
            invalid = faults(document)
            problems += [f"{service.yaml_path}: {fault}" for fault in invalid]
            if options.check:
                if service.embedded() != document:
                    problems.append(f"{service.json_path}: differs from openapi.yaml: run 'make openapi'")
            elif not invalid:
                text = render(document)
                if not service.json_path.is_file() or service.json_path.read_text(encoding="utf-8") != text:
                    service.json_path.write_text(text, encoding="utf-8")
                    print(f"{service.name}: rendered {len(text)} bytes")
            print(f"{service.name}: {sum(1 for _ in operations(document))} operations")
        except DocumentError as error:
            problems.append(str(error))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0
