"""The first half: what must be there before an image can be pushed. Its outputs are what the second half consumes."""

from __future__ import annotations

import pulumi
from pulumi_aws import get_caller_identity, vpc

from . import cache, cluster, database, dns, edges, identities, network, policies, registry, secrets
from .settings import Settings


def build(settings: Settings) -> dict[str, pulumi.Input[object]]:
    account = get_caller_identity().account_id
    # A key for each kind of data, so that who may read one kind may not read another.
    logs_key = policies.key(settings, "logs", "log groups", account, [f"logs.{settings.region}.amazonaws.com"])
    cluster_key = policies.key(settings, "cluster", "Kubernetes' Secrets", account)
    disks_key = policies.key(settings, "disks", "the nodes' disks", account, ["ec2.amazonaws.com", "autoscaling.amazonaws.com"])
    data_key = policies.key(settings, "data", "database, cache and their copies", account)
    secrets_key = policies.key(settings, "secrets", "Secrets Manager", account)
    images_key = policies.key(settings, "images", "images", account)

    net = network.build(settings, logs_key.arn)
    made = cluster.build(settings, net, cluster_key.arn, disks_key.arn, logs_key.arn)
    balancer = edges.group(settings, "load-balancer", "the only thing that the internet reaches", net.vpc)
    vpc.SecurityGroupIngressRule("internet-to-load-balancer", security_group_id=balancer.id, cidr_ipv4="0.0.0.0/0", ip_protocol="tcp",
                                 from_port=443, to_port=443, description="internet-to-load-balancer", tags=settings.tagged(settings.name))
    edges.egress_to_group(settings, "load-balancer-to-gateway", balancer.id, made.security_group, 8000)
    edges.ingress_from_group(settings, "load-balancer-to-gateway", balancer.id, made.security_group, 8000)

    store = database.build(settings, net, made.security_group, data_key.arn, logs_key.arn)
    fast = cache.build(settings, net, made.security_group, data_key.arn)
    repositories = registry.build(settings, images_key.arn)
    kept = secrets.build(settings, secrets_key.arn, store, fast)
    wanted = [secret.arn for secret in kept.values()]
    identities.build(settings, account, made.cluster, [*wanted, store.administrator], [secrets_key.arn, data_key.arn])
    return {
        "account": account,
        "region": settings.region,
        "environment": settings.environment,
        "vpcId": net.vpc.id,
        "databaseBlock": net.plan.database_block,
        "publicBlock": net.plan.public_block,
        "clusterName": made.cluster.name,
        "clusterEndpoint": made.cluster.endpoint,
        "clusterAuthority": made.cluster.certificate_authority.apply(lambda authority: authority.data or ""),
        "loadBalancerGroup": balancer.id,
        "certificate": dns.certificate(settings),
        "hostName": settings.host_name,
        "databaseHost": store.instance.address,
        "databaseAdministrator": store.administrator,
        "secrets": settings.name,
        "cacheHost": fast.group.primary_endpoint_address,
        "repositories": pulumi.Output.all(**{service: repository.repository_url for service, repository in repositories.items()}),
    }
