"""The whole graph of a stack, without AWS: the program runs against Pulumi's mocks, and every resource it declares is written down."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import json
import os
import pathlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pulumi
import yaml
from pulumi.runtime import mocks

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "infrastructure/pulumi"
sys.path.insert(0, str(PROGRAM))

from shop import foundation, workload  # noqa: E402
from shop.settings import SERVICES, Settings  # noqa: E402
from shop.settings import STACKS as STACKS  # noqa: E402

ACCOUNT = "123456789012"
PEM = "-----BEGIN {0}-----\nMAo=\n-----END {0}-----\n"

# What is set when a stack is made, and is in no file: see scripts/aws.sh and scripts/push-images.sh.
GIVEN = {
    "databaseAuthorities": PEM.format("CERTIFICATE"),
    "usersPublicKey": PEM.format("PUBLIC KEY"),
}


@dataclasses.dataclass
class Resource:
    type: str
    name: str
    # As the engine gets them: property names in the provider's own spelling, secrets opened.
    inputs: dict[str, Any]
    # Whether it is only looked up.
    read: bool = False

    def __str__(self) -> str:
        return f"{self.type.split(':')[-1]}/{self.name}"


@dataclasses.dataclass
class Graph:
    """What one program declares for one stack."""

    stack: str
    program: str
    settings: Settings
    resources: list[Resource]
    outputs: dict[str, Any]

    def of(self, *types: str) -> list[Resource]:
        return [resource for resource in self.resources if resource.type in types]

    def find(self, kind: str, name: str) -> Resource:
        for resource in self.of(kind):
            if resource.name == name:
                return resource
        raise KeyError(f"{kind} {name}")

    def __str__(self) -> str:
        return f"{self.stack}, {self.program}"


def opened(value: Any) -> Any:
    """Without the wrapping that marks a secret."""
    if isinstance(value, dict):
        if "4dabf18193072939515e22adb298388d" in value and "value" in value:
            return opened(value["value"])
        return {key: opened(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [opened(entry) for entry in value]
    return value


class Recorder(mocks.Mocks):
    """Answers as AWS would, as far as the program looks: ids and ARNs that say whose they are."""

    def __init__(self, outputs: dict[str, Any]) -> None:
        self.resources: list[Resource] = []
        # Of the foundation, for the workload.
        self.outputs = outputs

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        answers: dict[str, dict[str, Any]] = {
            "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:role/deployer", "userId": "x"},
            "aws:route53/getZone:getZone": {"zoneId": "Z0000000000000"},
            "aws:lb/getHostedZoneId:getHostedZoneId": {"id": "Z1111111111111"},
        }
        return answers[args.token], []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        inputs = opened(args.inputs)
        if args.typ == "pulumi:pulumi:StackReference":
            return args.name, {"name": args.name, "outputs": self.outputs, "secretOutputNames": []}
        if not args.typ.startswith("pulumi:"):
            self.resources.append(Resource(args.typ, args.name, inputs, bool(args.resource_id)))
        kind = args.typ.split(":")[-1]
        made: dict[str, Any] = {"arn": f"arn:aws:mock:{kind}:{args.name}", **inputs}
        more: dict[str, dict[str, Any]] = {
            "Cluster": {"endpoint": "https://cluster.example", "certificateAuthority": {"data": "Y2E="},
                        "vpcConfig": {**(inputs.get("vpcConfig") or {}), "clusterSecurityGroupId": "nodes_id"}},
            "Instance": {"address": "db.example", "masterUserSecrets": [{"secretArn": "arn:aws:mock:administrator"}]},
            "ReplicationGroup": {"primaryEndpointAddress": "cache.example"},
            "Repository": {"repositoryUrl": f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/{inputs.get('name')}"},
            "Certificate": {"domainValidationOptions": [
                {"domainName": inputs.get("domainName"), "resourceRecordName": "_x.example.org", "resourceRecordType": "CNAME",
                 "resourceRecordValue": "_y.acm.example"}]},
            "CertificateValidation": {"certificateArn": inputs.get("certificateArn")},
            "Record": {"fqdn": inputs.get("name")},
            "RandomPassword": {"result": f"password-of-{args.name}"},
            "RandomBytes": {"hex": "ab" * 32},
            "PrivateKey": {"privateKeyPemPkcs8": PEM.format("PRIVATE KEY"), "publicKeyPem": PEM.format("PUBLIC KEY")},
            "Key": {"keyId": f"key-{args.name}"},
            "LaunchTemplate": {"latestVersion": 1},
            "Ingress": {"status": {"loadBalancer": {"ingress": [{"hostname": "balancer.example"}]}}},
            "IntegrationAccount": {"authConfig": {"awsAuthConfigRole": {"roleName": "datadog", "externalId": "word"}}},
        }
        made |= more.get(kind, {})
        return args.resource_id or f"{args.name}_id", made


def settings_of(stack: str, program: str, **changes: str) -> Settings:
    """As Pulumi would read them from the stack's file, with what is set outside it."""
    config = yaml.safe_load((PROGRAM / program / f"Pulumi.{stack}.yaml").read_text())["config"]
    images = {service: f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/hello-dd-{stack}/{service}@sha256:{'0' * 64}" for service in SERVICES}
    given: dict[str, str] = {**GIVEN, "images": pulumi_text(images)}
    for key, value in config.items():
        given[key.removeprefix("hello-dd:")] = pulumi_text(value)
    return Settings.read(stack, {**given, **changes}.get)


def pulumi_text(value: Any) -> str:
    """A configured value as `Config.get` gives it."""
    return value if isinstance(value, str) else json.dumps(value)


def run(settings: Settings, program: str, build: Callable[[Settings], dict[str, Any]], outputs: dict[str, Any] | None = None) -> Graph:
    """Runs a program to its end. What it throws comes out here."""
    recorder = Recorder(outputs or {})
    pulumi.runtime.set_mocks(recorder, project=f"hello-dd-{program}", stack=settings.stack)
    resolved: dict[str, Any] = {}

    @mocks.test  # type: ignore[untyped-decorator]
    def go() -> pulumi.Output[None]:
        return pulumi.Output.all(**build(settings)).apply(resolved.update)

    with contextlib.redirect_stderr(io.StringIO()):
        go()
    return Graph(settings.stack, program, settings, recorder.resources, resolved)


@functools.cache
def graph(stack: str, program: str) -> Graph:
    os.environ.setdefault("DD_API_KEY", "a-key-of-a-test")
    if program == "foundation":
        return run(settings_of(stack, program), program, foundation.build)
    return run(settings_of(stack, program), program, workload.build, graph(stack, "foundation").outputs)


def graphs() -> Iterator[Graph]:
    for stack in STACKS:
        for program in ("foundation", "workload"):
            yield graph(stack, program)
