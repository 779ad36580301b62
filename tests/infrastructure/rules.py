"""What must hold of every stack: each rule takes the graphs of one stack's two programs and yields a sentence per violation."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import ipaddress
import json
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import sdk_types
from graph import ROOT, Graph, Resource
from shop import overlay
from shop.settings import SERVICES

sys.path.insert(0, str(ROOT / "tests/k8s"))


@dataclasses.dataclass
class Stack:
    """Both halves of a stack."""

    foundation: Graph
    workload: Graph

    @property
    def name(self) -> str:
        return self.foundation.stack

    @property
    def protected(self) -> bool:
        return self.foundation.settings.sizes.protected

    @property
    def resources(self) -> list[Resource]:
        return self.foundation.resources + self.workload.resources

    def of(self, *types: str) -> list[Resource]:
        return [resource for resource in self.resources if resource.type in types]


Check = Callable[[Stack], Iterator[str]]
RULES: list[tuple[str, Check]] = []


def rule(sentence: str) -> Callable[[Check], Check]:
    def register(check: Check) -> Check:
        RULES.append((sentence, check))
        return check
    return register


def at(value: Any, *path: str | int) -> Any:
    """A value inside another; None where the way ends."""
    for step in path:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and len(value) > step else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


VPC, SUBNET, GROUP = "aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:ec2/securityGroup:SecurityGroup"
INGRESS, EGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
CLUSTER, NODES, TEMPLATE = "aws:eks/cluster:Cluster", "aws:eks/nodeGroup:NodeGroup", "aws:ec2/launchTemplate:LaunchTemplate"
DATABASE, CACHE = "aws:rds/instance:Instance", "aws:elasticache/replicationGroup:ReplicationGroup"
REPOSITORY, SECRET, LOGS, KEY = (
    "aws:ecr/repository:Repository", "aws:secretsmanager/secret:Secret", "aws:cloudwatch/logGroup:LogGroup", "aws:kms/key:Key")
ADDON = "aws:eks/addon:Addon"

# What must be true of whatever keeps data: type → the way to each property that says so. A property that is a key must be given.
ENCRYPTED: dict[str, list[tuple[str | int, ...]]] = {
    DATABASE: [("storageEncrypted",), ("kmsKeyId",), ("performanceInsightsKmsKeyId",), ("masterUserSecretKmsKeyId",)],
    CACHE: [("atRestEncryptionEnabled",), ("kmsKeyId",)],
    REPOSITORY: [("encryptionConfigurations", 0, "kmsKey")],
    SECRET: [("kmsKeyId",)],
    LOGS: [("kmsKeyId",)],
    CLUSTER: [("encryptionConfig", "provider", "keyArn")],
    TEMPLATE: [("blockDeviceMappings", 0, "ebs", "encrypted"), ("blockDeviceMappings", 0, "ebs", "kmsKeyId")],
}


@rule("whatever keeps data is encrypted with a key of the stack, and every key turns over")
def encryption(stack: Stack) -> Iterator[str]:
    for kind, ways in ENCRYPTED.items():
        if not stack.of(kind):
            yield f"there is no {kind.split(':')[-1]}"
        for resource in stack.of(kind):
            for way in ways:
                if at(resource.inputs, *way) in (None, False, "", "false"):
                    yield f"{resource}: {'.'.join(map(str, way))} is not set"
    for resource in stack.of(CLUSTER):
        if "secrets" not in (at(resource.inputs, "encryptionConfig", "resources") or []):
            yield f"{resource}: Kubernetes' Secrets are not encrypted"
    for resource in stack.of(KEY):
        if resource.inputs.get("enableKeyRotation") is not True:
            yield f"{resource}: never turns over"


@rule("every connection to what keeps data is by TLS, and the other side is asked who it is")
def tls(stack: Stack) -> Iterator[str]:
    for resource in stack.of("aws:rds/parameterGroup:ParameterGroup"):
        if not any(p["name"] == "rds.force_ssl" and p["value"] == "1" for p in resource.inputs["parameters"]):
            yield f"{resource}: rds.force_ssl is not 1"
    for resource in stack.of(DATABASE):
        if not resource.inputs.get("parameterGroupName"):
            yield f"{resource}: has no parameters of its own"
    for resource in stack.of(CACHE):
        if resource.inputs.get("transitEncryptionEnabled") is not True or resource.inputs.get("transitEncryptionMode") != "required":
            yield f"{resource}: may be reached without TLS"
        if not resource.inputs.get("userGroupIds"):
            yield f"{resource}: asks nobody for a password"
    for user in stack.of("aws:elasticache/user:User"):
        if user.inputs.get("noPasswordRequired") or "+@all" in user.inputs["accessString"] or "nopass" in user.inputs["accessString"]:
            yield f"{user}: may do everything, or needs no password"
    settings = shop_object(stack, "ConfigMap", "shop-settings")
    if at(settings, "data", "DB_SSLMODE") != "verify-full" or not at(settings, "data", "DB_SSLROOTCERT"):
        yield "the services do not ask the database who it is"


@rule("nothing is public but the load balancer, and that by HTTPS only")
def public(stack: Stack) -> Iterator[str]:
    for resource in stack.of(DATABASE):
        if resource.inputs.get("publiclyAccessible") is not False:
            yield f"{resource}: publiclyAccessible is not false"
    for resource in stack.of(SUBNET):
        if resource.inputs.get("mapPublicIpOnLaunch") is not False:
            yield f"{resource}: what starts in it gets a public address"
    for resource in stack.of(CLUSTER):
        config = resource.inputs["vpcConfig"]
        cidrs = config.get("publicAccessCidrs") or []
        if config.get("endpointPublicAccess") is not False and (not cidrs or any(ipaddress.ip_network(c).prefixlen < 16 for c in cidrs)):
            yield f"{resource}: its API is open to everybody"
        if stack.protected and config.get("endpointPublicAccess") is not False:
            yield f"{resource}: its API has a public address"
    for resource in stack.of(INGRESS):
        if resource.inputs.get("cidrIpv4") == "0.0.0.0/0" and (resource.name, resource.inputs["fromPort"], resource.inputs["toPort"]) != (
                "internet-to-load-balancer", 443, 443):
            yield f"{resource}: is open to everybody"
    for kind, name in ((DATABASE, "database"), (CACHE, "database"), (NODES, "private"), (CLUSTER, "private")):
        for subnet in subnets_of(stack, kind):
            if not subnet.startswith(f"{name}-"):
                yield f"{kind.split(':')[-1]}: is in subnet {subnet}"
    annotations = at(shop_object(stack, "Ingress", "api-gateway"), "metadata", "annotations") or {}
    if json.loads(annotations.get("alb.ingress.kubernetes.io/listen-ports", "[]")) != [{"HTTPS": 443}]:
        yield "the load balancer listens to something else than HTTPS"
    for kind in ("Service",):
        for service in shop_objects(stack, kind):
            if service["spec"].get("type", "ClusterIP") != "ClusterIP":
                yield f"Service/{service['metadata']['name']}: is open beyond the cluster"


def subnets_of(stack: Stack, kind: str) -> list[str]:
    service = "rds" if kind == DATABASE else "elasticache"
    groups = {r.inputs["name"]: r for r in stack.of(f"aws:{service}/subnetGroup:SubnetGroup")}
    found: list[str] = []
    for resource in stack.of(kind):
        group = resource.inputs.get("dbSubnetGroupName") or resource.inputs.get("subnetGroupName")
        own = resource.inputs.get("subnetIds") or at(resource.inputs, "vpcConfig", "subnetIds") or []
        found += groups[group].inputs["subnetIds"] if group in groups else own
    return found


# Who may call whom, at which port: (caller, callee, port). Groups by name; a caller that is an address is written as one.
EDGES = {
    ("0.0.0.0/0", "load-balancer", 443),
    ("load-balancer", "nodes", 8000),
    ("nodes", "database", 5432),
    ("nodes", "cache", 6379),
    ("private", "endpoints", 443),
}


@rule("security groups open exactly the calls that are made")
def edges(stack: Stack) -> Iterator[str]:
    private = {r.inputs["cidrBlock"] for r in stack.of(SUBNET) if r.name.startswith("private-")}

    def title(value: str | None) -> str:
        return "private" if value in private else str(value).removesuffix("_id")

    found = set()
    for resource in stack.of(INGRESS):
        i = resource.inputs
        if i.get("ipProtocol") != "tcp" or i.get("fromPort") != i.get("toPort"):
            yield f"{resource}: opens more than a port"
        found.add((title(i.get("referencedSecurityGroupId") or i.get("cidrIpv4")), title(i["securityGroupId"]), int(i.get("toPort") or 0)))
    for caller, callee, port in sorted(found - EDGES):
        yield f"{caller} may call {callee} at {port}, and never does"
    for caller, callee, port in sorted(EDGES - found):
        yield f"{caller} may not call {callee} at {port}"
    for resource in stack.of(EGRESS):
        way = (title(resource.inputs["securityGroupId"]), title(resource.inputs.get("referencedSecurityGroupId")), resource.inputs.get("toPort"))
        if way not in EDGES:
            yield f"{resource}: lets {way[0]} call {way[1]}"
    for resource in stack.of(GROUP, "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"):
        if resource.inputs.get("ingress") or resource.inputs.get("egress"):
            yield f"{resource}: has rules that are not in edges.py"
    if not stack.of("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"):
        yield "the network's default security group is left open"


@rule("there are three zones, each with its subnets, and no two address ranges overlap")
def zones(stack: Stack) -> Iterator[str]:
    network = ipaddress.ip_network(stack.of(VPC)[0].inputs["cidrBlock"])
    ranges = [(str(r), ipaddress.ip_network(r.inputs["cidrBlock"])) for r in stack.of(SUBNET)]
    for index, (name, own) in enumerate(ranges):
        if not own.subnet_of(network):  # type: ignore[arg-type]
            yield f"{name}: {own} is not in {network}"
        for other, theirs in ranges[index + 1:]:
            if own.overlaps(theirs):
                yield f"{name} and {other} overlap"
    for kind in ("public", "private", "database"):
        found = {r.inputs["availabilityZone"] for r in stack.of(SUBNET) if r.name.startswith(f"{kind}-")}
        if len(found) != 3:
            yield f"{kind} subnets are in {len(found)} zones"
    for block, kind in (("databaseBlock", "database"), ("publicBlock", "public")):
        whole = ipaddress.ip_network(str(stack.foundation.outputs[block]))
        for r in stack.of(SUBNET):
            if ipaddress.ip_network(r.inputs["cidrBlock"]).subnet_of(whole) != r.name.startswith(f"{kind}-"):  # type: ignore[arg-type]
                yield f"{block} {whole} holds other subnets than the {kind} ones: {r}"
    gateways = len(stack.of("aws:ec2/natGateway:NatGateway"))
    if gateways != (3 if stack.foundation.settings.sizes.nat_per_zone else 1):
        yield f"there are {gateways} NAT gateways"
    tables = {r.inputs["subnetId"]: r.inputs["routeTableId"] for r in stack.of("aws:ec2/routeTableAssociation:RouteTableAssociation")}
    for route in stack.of("aws:ec2/route:Route"):
        reached = [subnet for subnet, table in tables.items() if table == route.inputs["routeTableId"]]
        if any(subnet.startswith("database-") for subnet in reached):
            yield f"{route}: the database's subnets have a way out"
        if route.inputs.get("gatewayId") and not all(subnet.startswith("public-") for subnet in reached):
            yield f"{route}: leads from the internet to what is not public"


@rule("what is lost for ever when it is deleted cannot be deleted in prod by mistake, and is copied")
def deletion(stack: Stack) -> Iterator[str]:
    for resource in stack.of(DATABASE):
        i = resource.inputs
        if not i.get("backupRetentionPeriod"):
            yield f"{resource}: has no backup"
        if stack.protected:
            if i.get("deletionProtection") is not True or i.get("skipFinalSnapshot") is not False or not i.get("finalSnapshotIdentifier"):
                yield f"{resource}: can be deleted, or without a last copy"
            if i.get("multiAz") is not True or i["backupRetentionPeriod"] < 14:
                yield f"{resource}: has no standby, or two weeks of backups are not kept"
        if i.get("manageMasterUserPassword") is not True or i.get("password"):
            yield f"{resource}: its password is not RDS's to change"
    if stack.protected:
        for resource in stack.of(CLUSTER):
            if resource.inputs.get("deletionProtection") is not True:
                yield f"{resource}: can be deleted"
        for resource in stack.of(SECRET):
            if (resource.inputs.get("recoveryWindowInDays") or 0) < 7:
                yield f"{resource}: is gone at once when it is deleted"
        for resource in stack.of(REPOSITORY):
            if resource.inputs.get("forceDelete"):
                yield f"{resource}: is deleted with its images"
    for resource in stack.of(CACHE):
        if resource.inputs.get("automaticFailoverEnabled") is not True or (resource.inputs.get("numCacheClusters") or 0) < 2:
            yield f"{resource}: has nobody to take over"


TAGS = ("project", "stack", "team", "managed-by", "Name")


@rule("everything that can be tagged says whose it is")
def tags(stack: Stack) -> Iterator[str]:
    for resource in stack.resources:
        args = sdk_types.arguments(resource.type)
        if resource.type.startswith("aws:") and args is not None and "tags" in sdk_types.properties(args):
            given = resource.inputs.get("tags") or {}
            for name in TAGS:
                if not given.get(name):
                    yield f"{resource}: has no tag {name}"
            if given.get("stack") not in (None, stack.name):
                yield f"{resource}: says it is of {given['stack']}"


@rule("no policy allows a wildcard of actions, or everything to anybody; what can be bound to a resource is")
def policies(stack: Stack) -> Iterator[str]:
    for resource in stack.resources:
        for name in ("policy", "assumeRolePolicy"):
            text = resource.inputs.get(name)
            if isinstance(text, str) and resource.type.startswith(("aws:iam", "aws:kms")):
                for statement in json.loads(text)["Statement"]:
                    yield from statement_violations(resource, statement)
        arn = str(resource.inputs.get("policyArn")) if resource.type == "aws:iam/rolePolicyAttachment:RolePolicyAttachment" else ""
        if re.search(r"/(AdministratorAccess|PowerUserAccess|.*FullAccess)$", arn):
            yield f"{resource}: attaches {arn}"


# Actions that have no resource to be bound to, or only look.
LOOKS = re.compile(r"^[a-z0-9-]+:(Describe|List|Get(MetricData|CoipPoolUsage|SecurityGroupsForVpc|Resources))")


def statement_violations(resource: Resource, statement: dict[str, Any]) -> Iterator[str]:
    def listed(name: str) -> list[str]:
        value = statement.get(name) or []
        return [value] if isinstance(value, str) else value

    for action in listed("Action"):
        if "*" in action:
            yield f"{resource}: allows {action}"
        # In the policy of a key, * is that key.
        elif "*" in listed("Resource") and resource.type != KEY and not LOOKS.match(action):
            yield f"{resource}: allows {action} on everything"
    if statement.get("Principal") in ("*", {"AWS": "*"}):
        yield f"{resource}: lets anybody in"
    outside = [a for a in ([at(statement, "Principal", "AWS")] if isinstance(at(statement, "Principal", "AWS"), str) else [])
               if "123456789012" not in a and not statement.get("Condition")]
    if outside:
        yield f"{resource}: lets {outside[0]} in, whoever asked it to"


@rule("nodes are Graviton, their metadata is not for pods, and the network keeps its policies")
def cluster(stack: Stack) -> Iterator[str]:
    for resource in stack.of(NODES):
        if "ARM_64" not in resource.inputs.get("amiType", "") or not all(re.match(r"[a-z]\d+g", t) for t in resource.inputs["instanceTypes"]):
            yield f"{resource}: is not arm64"
        if at(resource.inputs, "scalingConfig", "minSize") < 3:
            yield f"{resource}: has fewer nodes than zones"
        if not resource.inputs.get("launchTemplate"):
            yield f"{resource}: has no template"
    for resource in stack.of(TEMPLATE):
        options = resource.inputs.get("metadataOptions") or {}
        if options.get("httpTokens") != "required" or options.get("httpPutResponseHopLimit") != 1:
            yield f"{resource}: a pod may take on the node's role"
    for resource in stack.of(CLUSTER):
        if set(resource.inputs.get("enabledClusterLogTypes") or []) != {"api", "audit", "authenticator", "controllerManager", "scheduler"}:
            yield f"{resource}: does not log all that it does"
        import manifests

        own, oldest, newest = ([int(part) for part in v.split(".")] for v in (resource.inputs["version"], manifests.OLDEST, manifests.NEWEST))
        if not oldest <= own <= newest:
            yield f"{resource}: Kubernetes {resource.inputs['version']} is none that the manifests are for"
    addons = {r.inputs["addonName"]: r.inputs for r in stack.of(ADDON)}
    for name in ("vpc-cni", "coredns", "kube-proxy", "aws-ebs-csi-driver", "metrics-server", "eks-pod-identity-agent"):
        if name not in addons:
            yield f"there is no add-on {name}"
    if json.loads(at(addons, "vpc-cni", "configurationValues") or "{}").get("enableNetworkPolicy") != "true":
        yield "NetworkPolicies are accepted and do nothing"
    charts = {r.inputs.get("chart"): r.inputs for r in stack.of("kubernetes:helm.sh/v3:Release")}
    for name in ("aws-load-balancer-controller", "external-secrets"):
        if name not in charts:
            yield f"there is no chart {name}"
        elif not charts[name].get("version"):
            yield f"chart {name} is whatever version is the newest"


@rule("a tag of an image never changes its meaning, every image is looked through, and each service has its repository")
def registry(stack: Stack) -> Iterator[str]:
    found = {r.name for r in stack.of(REPOSITORY)}
    for service in sorted(set(SERVICES) - found):
        yield f"there is no repository for {service}"
    expiring = {r.inputs["repository"] for r in stack.of("aws:ecr/lifecyclePolicy:LifecyclePolicy")}
    for resource in stack.of(REPOSITORY):
        if resource.inputs.get("imageTagMutability") != "IMMUTABLE":
            yield f"{resource}: a tag may become another image"
        if at(resource.inputs, "imageScanningConfiguration", "scanOnPush") is not True:
            yield f"{resource}: nobody looks through its images"
        if resource.inputs["name"] not in expiring:
            yield f"{resource}: keeps every image for ever"


@rule("the flows of the network are logged, and every log ends")
def logs(stack: Stack) -> Iterator[str]:
    if not any(r.inputs.get("trafficType") == "ALL" for r in stack.of("aws:ec2/flowLog:FlowLog")):
        yield "the network's flows are not logged"
    for resource in stack.of(LOGS):
        if not resource.inputs.get("retentionInDays"):
            yield f"{resource}: is kept for ever"
    endpoints = {r.inputs["serviceName"].split(".", 3)[-1] for r in stack.of("aws:ec2/vpcEndpoint:VpcEndpoint")}
    for name in sorted({"s3", "ecr.api", "ecr.dkr", "logs", "sts"} - endpoints):
        yield f"there is no endpoint for {name}: nodes go over the internet to it"


def shop_objects(stack: Stack, kind: str) -> list[dict[str, Any]]:
    return [o for r in stack.of("kubernetes:yaml/v2:ConfigGroup") for o in r.inputs.get("objs") or [] if o["kind"] == kind]


def shop_object(stack: Stack, kind: str, name: str) -> dict[str, Any] | None:
    """An object of the overlay by its name, without the hash that a generator appends."""
    for o in shop_objects(stack, kind):
        if name == o["metadata"]["name"] or (kind == "ConfigMap" and name == o["metadata"]["name"].rsplit("-", 1)[0]):
            return o
    return None


@rule("the overlay gets what it consumes, of this stack, and asks for no secret that is not there")
def consumed(stack: Stack) -> Iterator[str]:
    outputs = stack.foundation.outputs
    for key, name in overlay.CONSUMED.items():
        if not outputs.get(name):
            yield f"{overlay.OUTPUTS}: {key} is the output {name}, which the foundation does not have"
    text = json.dumps([r.inputs.get("objs") for r in stack.of("kubernetes:yaml/v2:ConfigGroup")])
    for line in (ROOT / overlay.OUTPUTS).read_text().splitlines():
        key, _, example = line.partition("=")
        if not line.startswith("#") and example and example not in outputs.values() and f'"{example}"' in text:
            yield f"{key} is still the example's {example}"
        if not line.startswith("#") and re.search(rf"\b{key}\b", text):
            yield f"{key} stands where its value should"
    kept = {r.inputs["name"]: json.loads(v.inputs["secretString"]) for r in stack.of(SECRET)
            for v in stack.of("aws:secretsmanager/secretVersion:SecretVersion") if v.inputs["secretId"] == f"{r.name}_id"}
    kept[str(outputs.get("databaseAdministrator"))] = {"username": "", "password": ""}
    for o in shop_objects(stack, "ExternalSecret"):
        for entry in o["spec"]["data"]:
            key, part = entry["remoteRef"]["key"], entry["remoteRef"]["property"]
            if part not in kept.get(key, {}):
                yield f"ExternalSecret/{o['metadata']['name']}: there is no {part} in {key}"
    for o in shop_objects(stack, "Deployment"):
        for container in o["spec"]["template"]["spec"]["containers"] + (o["spec"]["template"]["spec"].get("initContainers") or []):
            registry_of = str(at(outputs, "repositories", o["metadata"]["name"]))
            if not re.fullmatch(re.escape(registry_of) + r"@sha256:[0-9a-f]{64}", container["image"]):
                yield f"Deployment/{o['metadata']['name']}: {container['image']} is not of this stack's registry, by digest"


@rule("who reads secrets may read these and no others")
def secret_readers(stack: Stack) -> Iterator[str]:
    policy = next((r for r in stack.of("aws:iam/rolePolicy:RolePolicy") if r.name == "external-secrets-pods"), None)
    if policy is None:
        yield "nobody may read the secrets"
        return
    statements = json.loads(policy.inputs["policy"])["Statement"]
    allowed = {arn for s in statements if "secretsmanager:GetSecretValue" in s["Action"] for arn in s["Resource"]}
    asked = {entry["remoteRef"]["key"] for o in shop_objects(stack, "ExternalSecret") for entry in o["spec"]["data"]}
    names = {f"arn:aws:mock:Secret:{r.name}": r.inputs["name"] for r in stack.of(SECRET)}
    names[str(stack.foundation.outputs["databaseAdministrator"])] = str(stack.foundation.outputs["databaseAdministrator"])
    readable = {names.get(arn, arn) for arn in allowed}
    for key in sorted(asked - readable):
        yield f"external-secrets may not read {key}"
    for key in sorted(readable - asked):
        yield f"external-secrets may read {key}, and nobody asks for it"


@rule("in prod, every dashboard, monitor and objective of observability/datadog is there, once")
def observability(stack: Stack) -> Iterator[str]:
    folder = ROOT / "observability/datadog"
    for kind, files, prefix in (("datadog:index/dashboardJson:DashboardJson", "dashboards", "dashboard"),
                                ("datadog:index/monitorJson:MonitorJson", "monitors", "monitor"),
                                ("datadog:index/serviceLevelObjective:ServiceLevelObjective", "objectives", "objective")):
        wanted = {f"{prefix}-{path.stem}" for path in folder.glob(f"{files}/*.json")} if stack.protected else set()
        found = {r.name for r in stack.of(kind)}
        for name in sorted(wanted ^ found):
            yield f"{name} is {'missing' if name in wanted else 'there, and should not be'}"
    if stack.workload.settings.datadog and not stack.of("datadog:aws/integrationAccount:IntegrationAccount"):
        yield "Datadog does not see AWS"


@functools.cache
def kubernetes() -> Any:
    """The rules of tests/k8s, whose module has the name of this one."""
    spec = importlib.util.spec_from_file_location("kubernetes_rules", ROOT / "tests/k8s/rules.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@rule("the overlay, as the stack gets it, keeps the schemas and the rules of every overlay")
def overlays(stack: Stack) -> Iterator[str]:
    import manifests
    import schemas

    # The Agent has the Operator's own schema, and what leads to it is no setting of a service: tests/observability looks at both.
    objects = [whole(o) for r in stack.of("kubernetes:yaml/v2:ConfigGroup") for o in r.inputs["objs"] if o["kind"] != "DatadogAgent"]
    if stack.workload.settings.datadog:
        objects = [o for o in objects if o["metadata"]["name"] != "telemetry"]
        for o in objects:
            for container in o["spec"]["template"]["spec"]["containers"] if o["kind"] == "Deployment" else []:
                container["env"] = [e for e in container["env"] if e["name"] not in ("HOST_IP", "OTEL_EXPORTER_OTLP_ENDPOINT")]
    rendered = manifests.Rendered("eks", objects)
    yield from schemas.violations(rendered, (manifests.NEWEST,))
    for check in kubernetes().RULES:
        yield from check(rendered)


def whole(value: Any) -> Any:
    """With integers that are integers: on their way through the engine all numbers became doubles."""
    if isinstance(value, dict):
        return {key: whole(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [whole(entry) for entry in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@rule("every input is a property of its resource in the provider's SDK, of its type, and none that is needed is missing")
def types(stack: Stack) -> Iterator[str]:
    yield from sdk_types.violations(stack.foundation)
    yield from sdk_types.violations(stack.workload)
