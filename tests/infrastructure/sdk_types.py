"""Every input of a resource against the types of the provider's own SDK: unknown, missing and wrongly typed properties are found. Mocks accept
anything, so without this a misspelt property would only be seen by AWS."""

from __future__ import annotations

import collections.abc
import enum
import functools
import importlib
import inspect
import json
import pathlib
import sys
import types
import typing
from collections.abc import Iterator
from typing import Any

import pulumi
import pulumi_aws
import pulumi_datadog
import pulumi_kubernetes
import pulumi_random
import pulumi_tls
from graph import Graph, Resource

PACKAGES = {"aws": pulumi_aws, "datadog": pulumi_datadog, "kubernetes": pulumi_kubernetes, "random": pulumi_random, "tls": pulumi_tls}


@functools.cache
def registered() -> dict[str, tuple[str, str]]:
    """Type token → module and class, from the list in each package with which it registers itself, which is JSON."""
    found: dict[str, tuple[str, str]] = {}
    for package in PACKAGES.values():
        text = pathlib.Path(str(package.__file__)).read_text()
        start = text.index('resource_modules="""') + len('resource_modules="""')
        for module in json.loads(text[start:text.index('"""', start)]):
            found |= {token: (module["fqn"], name) for token, name in module["classes"].items()}
    return found


@functools.cache
def arguments(token: str) -> Any:
    """The class that holds a resource's arguments, or None where the SDK has no such type."""
    if token.startswith("pulumi:providers:"):
        return importlib.import_module(f"pulumi_{token.rsplit(':', 1)[-1]}.provider").ProviderArgs
    if token not in registered():
        return None
    fqn, name = registered()[token]
    module = importlib.import_module(fqn)
    return getattr(module, f"{name}InitArgs", None) or getattr(module, f"{name}Args", None)


@functools.cache
def properties(args: Any) -> dict[str, tuple[Any, bool]]:
    """Name as the provider spells it → type, whether it must be given."""
    parameters = inspect.signature(args.__init__).parameters
    found: dict[str, tuple[Any, bool]] = {}
    for name, member in vars(args).items():
        if isinstance(member, property) and member.fget is not None:
            spelt = getattr(member.fget, "_pulumi_name", name)
            hints = typing.get_type_hints(member.fget, vars(sys.modules[args.__module__]))
            given = parameters.get(name)
            found[spelt] = (hints["return"], given is not None and given.default is inspect.Parameter.empty)
    return found


def kinds(hint: Any) -> Iterator[Any]:
    """The alternatives of a type, without what only says that a value may come later."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        for entry in typing.get_args(hint):
            yield from kinds(entry)
    elif hint is not type(None) and hint is not pulumi.Output and origin not in (collections.abc.Awaitable, pulumi.Output):
        yield hint


def problems(value: Any, hint: Any, where: str) -> list[str]:
    """What is wrong with a value; nothing if one of the alternatives takes it."""
    choices = list(kinds(hint))
    if value is None or not choices or Any in choices:
        return []
    found = [against(value, kind, where) for kind in choices]
    return min(found, key=len) if all(found) else []


def against(value: Any, kind: Any, where: str) -> list[str]:
    """What is wrong with a value of one type. Of the two ways to write a structure only that by a class is used here."""
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    wrong = [f"{where} is {value!r}, and must be {getattr(kind, '__name__', kind)}"[:200]]
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if origin in (collections.abc.Sequence, list):
        if not isinstance(value, list):
            return wrong
        return [line for index, entry in enumerate(value) for line in problems(entry, inside[0], f"{where}[{index}]")]
    if origin in (collections.abc.Mapping, dict):
        if not isinstance(value, dict):
            return wrong
        return [line for key, entry in value.items() for line in problems(entry, inside[1], f"{where}.{key}")]
    if origin is typing.Literal:
        return [] if value in inside else wrong
    if kind is float:
        return [] if number else wrong
    if kind is int:
        # Numbers arrive as doubles.
        return [] if number and value == int(value) else wrong
    if kind in (str, bool):
        return [] if isinstance(value, kind) else wrong
    if inspect.isclass(kind) and issubclass(kind, enum.Enum):
        return [] if value in [member.value for member in kind] else wrong
    if inspect.isclass(kind) and kind.__name__.endswith("Args"):
        return fields(value, kind, where) if isinstance(value, dict) else wrong
    return wrong


def fields(value: dict[str, Any], args: Any, where: str) -> list[str]:
    known = properties(args)
    found = [f"{where}.{name} is not a property of {args.__name__}" for name in value if name not in known]
    for name, (hint, required) in known.items():
        if value.get(name) is not None:
            found += problems(value[name], hint, f"{where}.{name}")
        elif required:
            found.append(f"{where}.{name} is missing")
    return found


def of(resource: Resource) -> list[str]:
    """What is wrong with a resource. One that is only looked up has no inputs."""
    args = arguments(resource.type)
    if args is None:
        return [f"{resource}: no SDK has {resource.type}"]
    return fields(resource.inputs, args, str(resource)) if not resource.read else []


def violations(graph: Graph) -> Iterator[str]:
    for resource in graph.resources:
        yield from of(resource)
