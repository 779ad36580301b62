"""What differs between stacks. Each key is listed once, with its meaning; `Settings.read` refuses what is missing, unknown or unsafe."""

from __future__ import annotations

import dataclasses
import ipaddress
import json
from collections.abc import Callable, Mapping

SERVICES = ("inventory-service", "pricing-service", "api-gateway")
STACKS = ("dev", "staging", "prod")


class SettingsError(Exception):
    """A setting is missing, or cannot be meant. The message names it."""


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How big, and so how dear, a stack is. docs/capacity.md says for what load."""

    # One NAT gateway per zone survives the loss of a zone; one for all costs a third.
    nat_per_zone: bool
    node_type: str
    # Nodes: at least, and at most. Three is one in each zone.
    nodes: tuple[int, int]
    # Spot nodes cost some 60 % less and may be taken away with two minutes' notice.
    spot: bool
    database_class: str
    # GiB: at first, and how far it grows by itself.
    database_storage: tuple[int, int]
    # A standby in another zone, which takes over within one or two minutes.
    multi_az: bool
    # Days for which the database can be put back to any second.
    backup_days: int
    cache_type: str
    # The primary and its replicas.
    cache_nodes: int
    # Days for which logs are kept.
    log_days: int
    # Whether data outlives a careless `pulumi destroy`.
    protected: bool


SIZES: Mapping[str, Sizes] = {
    "dev": Sizes(
        nat_per_zone=False, node_type="m7g.large", nodes=(3, 4), spot=True,
        database_class="db.t4g.medium", database_storage=(20, 100), multi_az=False, backup_days=1,
        cache_type="cache.t4g.micro", cache_nodes=2, log_days=7, protected=False,
    ),
    "staging": Sizes(
        nat_per_zone=False, node_type="m7g.large", nodes=(3, 6), spot=False,
        database_class="db.m7g.large", database_storage=(50, 200), multi_az=True, backup_days=7,
        cache_type="cache.t4g.small", cache_nodes=2, log_days=30, protected=False,
    ),
    "prod": Sizes(
        nat_per_zone=True, node_type="m7g.large", nodes=(3, 12), spot=False,
        database_class="db.m7g.xlarge", database_storage=(100, 1000), multi_az=True, backup_days=30,
        cache_type="cache.m7g.large", cache_nodes=3, log_days=90, protected=True,
    ),
}


@dataclasses.dataclass(frozen=True)
class Settings:
    stack: str
    sizes: Sizes
    # The network's /16. Different in each stack, so that two can be joined.
    cidr: str
    region: str
    # Three of the region's zones.
    zones: tuple[str, ...]
    # The Route 53 zone that is there already, and the shop's name in it.
    hosted_zone: str
    host_name: str
    # Who may reach the cluster's API from outside the network; with none, it has no public address.
    api_cidrs: tuple[str, ...]
    # Who administers the cluster: ARNs of IAM roles. With none, whoever creates it does.
    cluster_admins: tuple[str, ...]
    kubernetes_version: str
    # The stack of the foundation, as Pulumi names it: ORGANISATION/PROJECT/STACK.
    foundation: str
    # Service → REPOSITORY@sha256:…, written by scripts/push-images.sh.
    images: Mapping[str, str]
    # The public half of what signs users' tokens, PEM. The private half is with whoever issues them, and never here.
    users_public_key: str
    # The certificates that sign RDS servers in the region, PEM.
    database_authorities: str
    # Whether Datadog watches this stack; needs DD_API_KEY and DD_APP_KEY (and DD_SITE) where Pulumi runs.
    datadog: bool
    # Against a stand-in for AWS, which does not know everything: see scripts/aws-local.sh.
    local: bool

    @property
    def name(self) -> str:
        """The prefix of everything that is named, e.g. hello-dd-prod."""
        return f"hello-dd-{self.stack}"

    @property
    def tags(self) -> dict[str, str]:
        return {"project": "hello-dd", "stack": self.stack, "team": "shop", "managed-by": "pulumi"}

    def tagged(self, name: str) -> dict[str, str]:
        return {**self.tags, "Name": name}

    @property
    def environment(self) -> str:
        """As Datadog and the services name it (DD_ENV)."""
        return {"prod": "production"}.get(self.stack, self.stack)

    @staticmethod
    def read(stack: str, get: Callable[[str], str | None]) -> Settings:
        """The settings of a stack; `get` is that of `pulumi.Config("hello-dd")`. Raises SettingsError."""
        if stack not in STACKS:
            raise SettingsError(f"there is no stack {stack!r}: {', '.join(STACKS)}")

        def need(key: str) -> str:
            value = get(key)
            if not value:
                raise SettingsError(f"hello-dd:{key} is not set for stack {stack}")
            return value

        def strings(key: str) -> tuple[str, ...]:
            value = json.loads(get(key) or "[]")
            if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
                raise SettingsError(f"hello-dd:{key} is not a list of texts")
            return tuple(value)

        region, zones, cidr, api_cidrs = need("region"), strings("zones"), need("cidr"), strings("apiCidrs")
        if len(set(zones)) != 3 or not all(zone.startswith(region) for zone in zones):
            raise SettingsError("hello-dd:zones is not three zones of the region")
        if ipaddress.ip_network(cidr).prefixlen != 16 or not ipaddress.ip_network(cidr).is_private:
            raise SettingsError("hello-dd:cidr is not a private /16")
        for open_to in api_cidrs:
            if ipaddress.ip_network(open_to).prefixlen < 16:
                raise SettingsError(f"hello-dd:apiCidrs: {open_to} is more than an office")
        if SIZES[stack].protected and api_cidrs:
            raise SettingsError("hello-dd:apiCidrs: the API of a protected cluster has no public address")
        images = json.loads(get("images") or "{}")
        if not isinstance(images, dict) or any("@sha256:" not in str(image) for image in images.values()):
            raise SettingsError("hello-dd:images is not a digest for each service: scripts/push-images.sh writes it")
        host_name, hosted_zone = need("hostName"), need("hostedZone")
        if not host_name.endswith("." + hosted_zone):
            raise SettingsError(f"hello-dd:hostName is not a name in {hosted_zone}")
        return Settings(
            stack=stack, sizes=SIZES[stack], cidr=cidr, region=region, zones=zones, hosted_zone=hosted_zone, host_name=host_name,
            api_cidrs=api_cidrs, cluster_admins=strings("clusterAdmins"), kubernetes_version=need("kubernetesVersion"),
            foundation=get("foundation") or f"organization/hello-dd-foundation/{stack}",
            images=images, users_public_key=get("usersPublicKey") or "", database_authorities=get("databaseAuthorities") or "",
            datadog=get("datadog") == "true", local=get("local") == "true",
        )
