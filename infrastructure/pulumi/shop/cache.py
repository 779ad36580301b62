"""Valkey, which speaks Redis' protocol: a primary and replicas in other zones, TLS only, a user with a password for whoever uses it."""

from __future__ import annotations

import dataclasses

import pulumi
import pulumi_random
from pulumi_aws import ec2, elasticache

from . import edges
from .network import Network
from .settings import Settings

ENGINE = "valkey"
# May read and write its own keys; may not look into, change or empty the server.
RIGHTS = "on ~cache:* ~rate:* -@all +@read +@write +@connection +@scripting +time -@dangerous"


@dataclasses.dataclass(frozen=True)
class Cache:
    group: elasticache.ReplicationGroup
    user: str
    password: pulumi.Output[str]


def build(settings: Settings, network: Network, nodes: pulumi.Input[str], key: pulumi.Input[str]) -> Cache:
    name, sizes = settings.name, settings.sizes
    security: ec2.SecurityGroup = edges.group(settings, "cache", "Valkey, for the pods of the shop", network.vpc)
    edges.ingress_from_group(settings, "nodes-to-cache", nodes, security.id, 6379)
    subnets = elasticache.SubnetGroup(
        "cache", name=name, subnet_ids=[subnet.id for subnet in network.database], tags=settings.tagged(name),
        # The stand-in cannot delete one.
        opts=pulumi.ResourceOptions(retain_on_delete=settings.local))
    password = pulumi_random.RandomPassword("cache", length=40, special=False).result
    user = elasticache.User("cache", user_id=f"{name}-services", user_name="services", engine=ENGINE, access_string=RIGHTS,
                            authentication_mode=elasticache.UserAuthenticationModeArgs(type="password", passwords=[password]),
                            tags=settings.tagged(name))
    users = None if settings.local else elasticache.UserGroup(
        "cache", user_group_id=name, engine=ENGINE, user_ids=[user.user_id], tags=settings.tagged(name))
    group = elasticache.ReplicationGroup(
        "cache",
        replication_group_id=name,
        description=f"{name}: prices, rate limits, locks",
        engine=ENGINE,
        engine_version="8.0",
        node_type=sizes.cache_type,
        num_cache_clusters=sizes.cache_nodes,
        automatic_failover_enabled=True,
        multi_az_enabled=True,
        port=6379,
        subnet_group_name=subnets.name,
        security_group_ids=[security.id],
        user_group_ids=[users.user_group_id] if users else None,
        transit_encryption_enabled=True,
        transit_encryption_mode="required",
        at_rest_encryption_enabled=True,
        kms_key_id=key,
        # What is in it can be computed again; a copy only saves the first minutes after a loss.
        snapshot_retention_limit=1 if sizes.protected else 0,
        snapshot_window="01:00-02:00",
        maintenance_window="tue:04:30-tue:05:30",
        auto_minor_version_upgrade=True,
        tags=settings.tagged(name),
    )
    return Cache(group, "services", password)
