#!/usr/bin/env python3
"""The rules' own tests: what is here keeps each, and for each at least one broken stack is caught."""

from __future__ import annotations

import copy
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Callable
from typing import Any

import check
import rules
import sdk_types
from graph import PROGRAM, ROOT, Resource, graph, run, settings_of
from rules import Stack
from shop import foundation, overlay, workload
from shop.addresses import Plan
from shop.settings import SettingsError

PROD = Stack(graph("prod", "foundation"), graph("prod", "workload"))
DEV = Stack(graph("dev", "foundation"), graph("dev", "workload"))


class Broken:
    """A copy of a stack, to break."""

    def __init__(self, stack: Stack) -> None:
        self.stack = copy.deepcopy(stack)

    def get(self, kind: str, name: str | None = None) -> dict[str, Any]:
        """The inputs of a resource."""
        return next(r.inputs for r in self.stack.of(kind) if name in (None, r.name))

    def remove(self, kind: str, name: str | None = None) -> None:
        for half in (self.stack.foundation, self.stack.workload):
            half.resources = [r for r in half.resources if r.type != kind or name not in (None, r.name)]

    def add(self, kind: str, name: str, inputs: dict[str, Any]) -> None:
        self.stack.foundation.resources.append(Resource(kind, name, inputs))

    def statement(self, name: str, index: int = 0, **changes: Any) -> None:
        inputs = self.get("aws:iam/rolePolicy:RolePolicy", name)
        document = json.loads(inputs["policy"])
        document["Statement"][index].update(changes)
        inputs["policy"] = json.dumps(document)

    def shop(self, kind: str, name: str) -> dict[str, Any]:
        found = rules.shop_object(self.stack, kind, name)
        assert found is not None, (kind, name)
        return found


Change = Callable[[Broken], Any]
# (the rule that must catch it, a part of what it must say, what is broken, in which stack)
FAULTS: list[tuple[rules.Check, str, Change, Stack]] = []


def fault(rule: rules.Check, says: str, change: Change, stack: Stack = PROD) -> None:
    FAULTS.append((rule, says, change, stack))


TEMPLATE_DISK = ("blockDeviceMappings", 0, "ebs")
fault(rules.encryption, "storageEncrypted is not set", lambda b: b.get(rules.DATABASE).update(storageEncrypted=False))
fault(rules.encryption, "Instance/database: kmsKeyId is not set", lambda b: b.get(rules.DATABASE).pop("kmsKeyId"))
fault(rules.encryption, "atRestEncryptionEnabled is not set", lambda b: b.get(rules.CACHE).pop("atRestEncryptionEnabled"))
fault(rules.encryption, "encryptionConfigurations.0.kmsKey is not set", lambda b: b.get(rules.REPOSITORY).pop("encryptionConfigurations"))
fault(rules.encryption, "Secret/pricing-service/redis: kmsKeyId", lambda b: b.get(rules.SECRET, "pricing-service/redis").pop("kmsKeyId"))
fault(rules.encryption, "LogGroup/flows: kmsKeyId", lambda b: b.get(rules.LOGS, "flows").pop("kmsKeyId"))
fault(rules.encryption, "Secrets are not encrypted", lambda b: b.get(rules.CLUSTER)["encryptionConfig"].update(resources=[]))
fault(rules.encryption, "ebs.encrypted is not set", lambda b: rules.at(b.get(rules.TEMPLATE), *TEMPLATE_DISK).update(encrypted="false"))
fault(rules.encryption, "never turns over", lambda b: b.get(rules.KEY, "data-key").update(enableKeyRotation=False))
fault(rules.encryption, "there is no Instance", lambda b: b.remove(rules.DATABASE))

fault(rules.tls, "force_ssl is not 1", lambda b: b.get("aws:rds/parameterGroup:ParameterGroup")["parameters"][0].update(value="0"))
fault(rules.tls, "no parameters of its own", lambda b: b.get(rules.DATABASE).pop("parameterGroupName"))
fault(rules.tls, "without TLS", lambda b: b.get(rules.CACHE).update(transitEncryptionEnabled=False))
fault(rules.tls, "without TLS", lambda b: b.get(rules.CACHE).update(transitEncryptionMode="preferred"))
fault(rules.tls, "asks nobody", lambda b: b.get(rules.CACHE).update(userGroupIds=[]))
fault(rules.tls, "needs no password", lambda b: b.get("aws:elasticache/user:User").update(noPasswordRequired=True))
fault(rules.tls, "who it is", lambda b: b.shop("ConfigMap", "shop-settings")["data"].update(DB_SSLMODE="require"))

fault(rules.public, "publiclyAccessible is not false", lambda b: b.get(rules.DATABASE).update(publiclyAccessible=True))
fault(rules.public, "gets a public address", lambda b: b.get(rules.SUBNET, "public-eu-west-1a").update(mapPublicIpOnLaunch=True))
fault(rules.public, "its API has a public address", lambda b: b.get(rules.CLUSTER)["vpcConfig"].update(
    endpointPublicAccess=True, publicAccessCidrs=["192.0.2.0/24"]))
fault(rules.public, "open to everybody", lambda b: b.get(rules.CLUSTER)["vpcConfig"].pop("publicAccessCidrs"), DEV)
fault(rules.public, "open to everybody", lambda b: b.get(rules.CLUSTER)["vpcConfig"].update(publicAccessCidrs=["0.0.0.0/0"]), DEV)
fault(rules.public, "nodes-to-database: is open to everybody", lambda b: b.get(rules.INGRESS, "nodes-to-database").update(cidrIpv4="0.0.0.0/0"))
fault(rules.public, "internet-to-load-balancer: is open to everybody", lambda b: b.get(
    rules.INGRESS, "internet-to-load-balancer").update(fromPort=80))
fault(rules.public, "Instance: is in subnet public-eu-west-1a_id", lambda b: b.get("aws:rds/subnetGroup:SubnetGroup").update(
    subnetIds=["public-eu-west-1a_id"]))
fault(rules.public, "NodeGroup: is in subnet public", lambda b: b.get(rules.NODES).update(subnetIds=["public-eu-west-1a_id"]))
fault(rules.public, "something else than HTTPS", lambda b: b.shop("Ingress", "api-gateway")["metadata"]["annotations"].update(
    {"alb.ingress.kubernetes.io/listen-ports": '[{"HTTP": 80}]'}))
fault(rules.public, "open beyond the cluster", lambda b: b.shop("Service", "api-gateway")["spec"].update(type="LoadBalancer"))

fault(rules.edges, "0.0.0.0/0 may call database at 5432, and never does", lambda b: b.add(
    rules.INGRESS, "x", {"securityGroupId": "database_id", "cidrIpv4": "0.0.0.0/0", "ipProtocol": "tcp", "fromPort": 5432, "toPort": 5432}))
fault(rules.edges, "nodes may not call cache at 6379", lambda b: b.remove(rules.INGRESS, "nodes-to-cache"))
fault(rules.edges, "opens more than a port", lambda b: b.get(rules.INGRESS, "nodes-to-cache").update(fromPort=0))
fault(rules.edges, "opens more than a port", lambda b: b.get(rules.INGRESS, "nodes-to-cache").update(ipProtocol="-1"))
fault(rules.edges, "lets load-balancer call database", lambda b: b.get(rules.EGRESS).update(referencedSecurityGroupId="database_id"))
fault(rules.edges, "has rules that are not in edges.py", lambda b: b.get(rules.GROUP, "cache").update(ingress=[{"fromPort": 0}]))
fault(rules.edges, "default security group is left open", lambda b: b.remove("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"))

fault(rules.zones, "overlap", lambda b: b.get(rules.SUBNET, "public-eu-west-1a").update(cidrBlock="10.48.96.0/23"))
fault(rules.zones, "is not in 10.48.0.0/16", lambda b: b.get(rules.SUBNET, "public-eu-west-1a").update(cidrBlock="10.49.0.0/24"))
fault(rules.zones, "in 2 zones", lambda b: b.get(rules.SUBNET, "private-eu-west-1a").update(availabilityZone="eu-west-1b"))
fault(rules.zones, "there are 2 NAT gateways", lambda b: b.remove("aws:ec2/natGateway:NatGateway", "nat-eu-west-1a"))
fault(rules.zones, "holds other subnets", lambda b: b.stack.foundation.outputs.update(databaseBlock="10.48.96.0/21"))
fault(rules.zones, "subnets have a way out", lambda b: b.add(
    "aws:ec2/route:Route", "x", {"routeTableId": "database_id", "natGatewayId": "nat-eu-west-1a_id"}))
fault(rules.zones, "to what is not public", lambda b: b.get("aws:ec2/route:Route", "private-eu-west-1a-internet").update(gatewayId="internet_id"))

fault(rules.deletion, "has no backup", lambda b: b.get(rules.DATABASE).update(backupRetentionPeriod=0))
fault(rules.deletion, "without a last copy", lambda b: b.get(rules.DATABASE).update(deletionProtection=False))
fault(rules.deletion, "without a last copy", lambda b: b.get(rules.DATABASE).update(skipFinalSnapshot=True))
fault(rules.deletion, "has no standby", lambda b: b.get(rules.DATABASE).update(multiAz=False))
fault(rules.deletion, "RDS's to change", lambda b: b.get(rules.DATABASE).update(manageMasterUserPassword=False), DEV)
fault(rules.deletion, "Cluster/cluster: can be deleted", lambda b: b.get(rules.CLUSTER).update(deletionProtection=False))
fault(rules.deletion, "gone at once", lambda b: b.get(rules.SECRET, "pricing-service/redis").update(recoveryWindowInDays=0))
fault(rules.deletion, "deleted with its images", lambda b: b.get(rules.REPOSITORY).update(forceDelete=True))
fault(rules.deletion, "nobody to take over", lambda b: b.get(rules.CACHE).update(numCacheClusters=1))

fault(rules.tags, "Vpc/network: has no tag team", lambda b: b.get(rules.VPC)["tags"].pop("team"))
fault(rules.tags, "has no tag project", lambda b: b.get(rules.CACHE).pop("tags"))
fault(rules.tags, "says it is of dev", lambda b: b.get(rules.VPC)["tags"].update(stack="dev"))

fault(rules.policies, "allows s3:*", lambda b: b.statement("flows", Action="s3:*", Resource="*"))
fault(rules.policies, "allows *", lambda b: b.statement("flows", Action=["*"], Resource="*"))
fault(rules.policies, "allows secretsmanager:GetSecretValue on everything", lambda b: b.statement("external-secrets-pods", Resource="*"))
fault(rules.policies, "allows kms:*", lambda b: b.get(rules.KEY).update(policy=b.get(rules.KEY)["policy"].replace("kms:Decrypt", "kms:*")))
fault(rules.policies, "attaches arn:aws:iam::aws:policy/AdministratorAccess", lambda b: b.get(
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment").update(policyArn="arn:aws:iam::aws:policy/AdministratorAccess"))
fault(rules.policies, "lets anybody in", lambda b: b.get("aws:iam/role:Role", "nodes").update(
    assumeRolePolicy=json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]})))
fault(rules.policies, "whoever asked it to", lambda b: b.get("aws:iam/role:Role", "datadog").update(
    assumeRolePolicy=json.dumps({"Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::464622532012:root"},
                                                "Action": "sts:AssumeRole"}]})))

fault(rules.cluster, "is not arm64", lambda b: b.get(rules.NODES).update(instanceTypes=["m7i.large"]))
fault(rules.cluster, "fewer nodes than zones", lambda b: b.get(rules.NODES)["scalingConfig"].update(minSize=1))
fault(rules.cluster, "has no template", lambda b: b.get(rules.NODES).pop("launchTemplate"))
fault(rules.cluster, "take on the node's role", lambda b: b.get(rules.TEMPLATE)["metadataOptions"].update(httpTokens="optional"))
fault(rules.cluster, "does not log", lambda b: b.get(rules.CLUSTER).update(enabledClusterLogTypes=["api"]))
fault(rules.cluster, "none that the manifests are for", lambda b: b.get(rules.CLUSTER).update(version="1.29"))
fault(rules.cluster, "there is no add-on metrics-server", lambda b: b.remove(rules.ADDON, "metrics-server"))
fault(rules.cluster, "accepted and do nothing", lambda b: b.get(rules.ADDON, "vpc-cni").pop("configurationValues"))
fault(rules.cluster, "there is no chart external-secrets", lambda b: b.remove("kubernetes:helm.sh/v3:Release", "external-secrets"))
fault(rules.cluster, "whatever version", lambda b: b.get("kubernetes:helm.sh/v3:Release", "external-secrets").pop("version"))

fault(rules.registry, "may become another image", lambda b: b.get(rules.REPOSITORY).update(imageTagMutability="MUTABLE"))
fault(rules.registry, "nobody looks through", lambda b: b.get(rules.REPOSITORY).pop("imageScanningConfiguration"))
fault(rules.registry, "no repository for api-gateway", lambda b: b.remove(rules.REPOSITORY, "api-gateway"))
fault(rules.registry, "keeps every image", lambda b: b.remove("aws:ecr/lifecyclePolicy:LifecyclePolicy"))

fault(rules.logs, "flows are not logged", lambda b: b.remove("aws:ec2/flowLog:FlowLog"))
fault(rules.logs, "kept for ever", lambda b: b.get(rules.LOGS).pop("retentionInDays"))
fault(rules.logs, "no endpoint for sts", lambda b: b.remove("aws:ec2/vpcEndpoint:VpcEndpoint", "sts"))

fault(rules.consumed, "DATABASE_HOST is the output databaseHost", lambda b: b.stack.foundation.outputs.pop("databaseHost"))
fault(rules.consumed, "still the example's", lambda b: b.shop("ConfigMap", "shop-settings")["data"].update(
    DB_HOST="hello-dd.example.eu-west-1.rds.amazonaws.com"))
fault(rules.consumed, "stands where its value should", lambda b: b.shop("ConfigMap", "shop-settings")["data"].update(DB_HOST="DATABASE_HOST"))
fault(rules.consumed, "there is no quotes in hello-dd-prod/pricing-service/keys", lambda b: b.get(
    "aws:secretsmanager/secretVersion:SecretVersion", "pricing-service/keys").update(secretString="{}"))
fault(rules.consumed, "not of this stack's registry", lambda b: b.shop(
    "Deployment", "api-gateway")["spec"]["template"]["spec"]["containers"][0].update(
    image="123456789012.dkr.ecr.eu-west-1.amazonaws.com/hello-dd-prod/api-gateway:latest"))

fault(rules.secret_readers, "may not read hello-dd-prod/api-gateway/keys", lambda b: b.statement("external-secrets-pods", Resource=[]))
fault(rules.secret_readers, "may read arn:other, and nobody asks", lambda b: b.statement("external-secrets-pods", Resource=["arn:other"]))
fault(rules.secret_readers, "nobody may read", lambda b: b.remove("aws:iam/rolePolicy:RolePolicy", "external-secrets-pods"))

fault(rules.observability, "monitor-DatabaseSlow is missing", lambda b: b.remove("datadog:index/monitorJson:MonitorJson", "monitor-DatabaseSlow"))
fault(rules.observability, "should not be", lambda b: b.add("datadog:index/monitorJson:MonitorJson", "monitor-DatabaseSlow", {"monitor": "{}"}), DEV)
fault(rules.observability, "does not see AWS", lambda b: b.remove("datadog:aws/integrationAccount:IntegrationAccount"))

fault(rules.overlays, "may run as root", lambda b: b.shop("Deployment", "api-gateway")["spec"]["template"]["spec"]["securityContext"].update(
    runAsNonRoot=False))
fault(rules.overlays, "does not match", lambda b: b.shop("ExternalSecret", "api-gateway-keys")["spec"].update(refreshInterval="often"))

fault(rules.types, "Vpc/network.cidrBlok is not a property of VpcArgs", lambda b: b.get(rules.VPC).update(cidrBlok="x"))
fault(rules.types, "Cluster/cluster.roleArn is missing", lambda b: b.get(rules.CLUSTER).pop("roleArn"))
fault(rules.types, "allocatedStorage is 'much', and must be int", lambda b: b.get(rules.DATABASE).update(allocatedStorage="much"))
fault(rules.types, "multiAz is 'true', and must be bool", lambda b: b.get(rules.DATABASE).update(multiAz="true"))
fault(rules.types, "vpcConfig.subnets is not a property of ClusterVpcConfigArgs", lambda b: b.get(rules.CLUSTER)["vpcConfig"].update(subnets=[]))
fault(rules.types, "scalingConfig.minSize is missing", lambda b: b.get(rules.NODES)["scalingConfig"].pop("minSize"))
fault(rules.types, "subnetIds[0] is 7", lambda b: b.get(rules.NODES).update(subnetIds=[7]))
fault(rules.types, "tags.team is 7", lambda b: b.get(rules.VPC)["tags"].update(team=7))
fault(rules.types, "no SDK has aws:ec2/vpn:Vpn", lambda b: b.add("aws:ec2/vpn:Vpn", "x", {}))
fault(rules.types, "chart is missing", lambda b: b.get("kubernetes:helm.sh/v3:Release").pop("chart"))
fault(rules.types, "monitor is missing", lambda b: b.get("datadog:index/monitorJson:MonitorJson").pop("monitor"))


class Rules(unittest.TestCase):
    def test_each_rule_catches_what_breaks_it(self) -> None:
        for rule, says, change, stack in FAULTS:
            with self.subTest(f"{getattr(rule, '__name__', rule)}: {says}"):
                broken = Broken(stack)
                change(broken)
                found = list(rule(broken.stack))
                self.assertTrue(any(says in line for line in found), f"not among {found[:5]}")

    def test_each_rule_has_something_that_breaks_it(self) -> None:
        self.assertEqual({rule for rule, *_ in FAULTS}, {check for _, check in rules.RULES})

    def test_what_is_here_breaks_none(self) -> None:
        for sentence, rule in rules.RULES:
            for stack in (PROD, DEV):
                with self.subTest(sentence):
                    self.assertEqual(list(rule(stack)), [])


class Settings(unittest.TestCase):
    def refused(self, says: str, stack: str = "dev", **changes: str) -> None:
        with self.assertRaisesRegex(SettingsError, says):
            settings_of(stack, "foundation", **changes)

    def test_what_is_missing_or_cannot_be_meant_is_refused(self) -> None:
        self.refused("region is not set", region="")
        self.refused("three zones", zones='["eu-west-1a", "eu-west-1b"]')
        self.refused("three zones of the region", zones='["us-east-1a", "us-east-1b", "us-east-1c"]')
        self.refused("private /16", cidr="10.0.0.0/20")
        self.refused("private /16", cidr="8.8.0.0/16")
        self.refused("more than an office", apiCidrs='["0.0.0.0/0"]')
        self.refused("has no public address", "prod", apiCidrs='["192.0.2.0/24"]')
        self.refused("a digest for each", images='{"api-gateway": "x:1"}')
        self.refused("not a name in", hostName="shop.example.com")

    def test_without_certificates_or_a_public_key_nothing_is_made(self) -> None:
        for key in ("databaseAuthorities", "usersPublicKey"):
            with self.subTest(key), self.assertRaisesRegex(SettingsError, key):
                run(settings_of("dev", "foundation", **{key: ""}), "foundation", foundation.build)

    def test_without_images_nothing_is_deployed(self) -> None:
        with self.assertRaisesRegex(SettingsError, "push them with"):
            run(settings_of("dev", "workload", images="{}"), "workload", workload.build, graph("dev", "foundation").outputs)

    def test_an_output_that_is_missing_stops_the_deployment(self) -> None:
        outputs = {**graph("dev", "foundation").outputs}
        with self.assertRaisesRegex(overlay.RenderError, "DATABASE_HOST"):
            overlay.values({**outputs, "databaseHost": None}, settings_of("dev", "workload").images)

    def test_a_line_too_many_or_too_few_in_outputs_env_is_found(self) -> None:
        given = overlay.values(graph("dev", "foundation").outputs, settings_of("dev", "workload").images)
        with self.assertRaisesRegex(overlay.RenderError, "differ in EXTRA"):
            overlay.render({**given, "EXTRA": "x"}, datadog=False)
        with self.assertRaisesRegex(overlay.RenderError, "differ in DATABASE_HOST"):
            overlay.render({key: value for key, value in given.items() if key != "DATABASE_HOST"}, datadog=False)

    def test_only_a_stand_in_for_aws_gets_less_than_the_whole(self) -> None:
        whole = {(r.type, r.name) for r in graph("dev", "foundation").resources}
        less = {(r.type, r.name) for r in run(settings_of("dev", "foundation", local="true"), "foundation", foundation.build).resources}
        left_out = {kind.split(":")[-1] for kind, name in whole - less}
        self.assertEqual(left_out, {"Addon", "PodIdentityAssociation", "UserGroup", "Role", "RolePolicyAttachment"})
        self.assertEqual(less - whole, set())
        for stack in ("dev", "staging", "prod"):
            self.assertFalse(settings_of(stack, "foundation").local)

    def test_the_stacks_can_be_joined(self) -> None:
        plans = [Plan.of(settings_of(stack, "foundation").cidr, 3).network for stack in ("dev", "staging", "prod")]
        self.assertEqual(len(set(plans)), 3)

    def test_both_programs_of_a_stack_agree(self) -> None:
        for stack in ("dev", "staging", "prod"):
            first, second = settings_of(stack, "foundation"), settings_of(stack, "workload")
            for name in ("region", "zones", "cidr", "host_name", "hosted_zone"):
                self.assertEqual(getattr(first, name), getattr(second, name), f"{stack}: {name}")


class Typing(unittest.TestCase):
    def test_mypy_knows_the_sdk(self) -> None:
        """The settings of mypy leave most of the SDKs out. That what is used is not among it, only a mistake can show."""
        text = "from pulumi_aws import ec2, rds\nfrom pulumi_kubernetes.helm.v3 import ReleaseArgs\nimport pulumi_datadog\n" \
               "ec2.Vpc('a', cidr_blok='x')\nrds.Instance('b', instance_class='c', multi_az='yes')\nReleaseArgs(chart=7)\n" \
               "pulumi_datadog.MonitorJson('d', monitr='x')\n"
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "mistakes.py"
            path.write_text(text)
            result = subprocess.run([sys.executable, "-m", "mypy", "--config-file", str(PROGRAM / "pyproject.toml"), "--cache-dir",
                                     str(ROOT / ".build/mypy"), str(path)], capture_output=True, text=True, check=False, cwd=PROGRAM)
        for line in (4, 5, 6, 7):
            self.assertIn(f"mistakes.py:{line}: error", result.stdout)


class Types(unittest.TestCase):
    def test_the_list_of_types_is_that_of_the_providers(self) -> None:
        self.assertGreater(len(sdk_types.registered()), 2000)


if __name__ == "__main__":
    # In one process: most of the time goes into reading the SDKs.
    if check.main() != 0:
        sys.exit(1)
    unittest.main()
