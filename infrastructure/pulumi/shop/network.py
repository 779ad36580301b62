"""The network: three zones, each with a public, a private and a database subnet. Only the load balancer and the NAT gateways are in a
public one; the database subnets have no way out at all."""

from __future__ import annotations

import dataclasses

import pulumi
from pulumi_aws import cloudwatch, ec2, iam

from . import policies
from .addresses import Plan
from .edges import ingress_from_cidr
from .settings import Settings

# What nodes and pods ask AWS for, without going over the internet. S3 holds the layers of ECR's images.
ENDPOINTS = ("ecr.api", "ecr.dkr", "logs", "sts", "secretsmanager")


@dataclasses.dataclass(frozen=True)
class Network:
    plan: Plan
    vpc: ec2.Vpc
    public: list[ec2.Subnet]
    private: list[ec2.Subnet]
    database: list[ec2.Subnet]


def build(settings: Settings, logs_key: pulumi.Input[str]) -> Network:
    plan = Plan.of(settings.cidr, len(settings.zones))
    name = settings.name
    vpc = ec2.Vpc("network", cidr_block=plan.network, enable_dns_hostnames=True, enable_dns_support=True, tags=settings.tagged(name))
    # Whatever forgets to name a security group gets this one, which lets nothing in or out.
    ec2.DefaultSecurityGroup("nothing", vpc_id=vpc.id, ingress=[], egress=[], tags=settings.tagged(f"{name}-nothing"))
    gateway = ec2.InternetGateway("internet", vpc_id=vpc.id, tags=settings.tagged(name))

    def subnets(kind: str, cidrs: tuple[str, ...], labels: dict[str, str]) -> list[ec2.Subnet]:
        return [
            ec2.Subnet(f"{kind}-{zone}", vpc_id=vpc.id, cidr_block=cidr, availability_zone=zone, map_public_ip_on_launch=False,
                       tags={**settings.tagged(f"{name}-{kind}-{zone}"), **labels})
            for zone, cidr in zip(settings.zones, cidrs, strict=True)
        ]

    # The labels tell the load balancer controller where to put what.
    public = subnets("public", plan.public, {"kubernetes.io/role/elb": "1"})
    private = subnets("private", plan.private, {"kubernetes.io/role/internal-elb": "1"})
    database = subnets("database", plan.database, {})

    tables = routes(settings, vpc, gateway, public, private, database)
    endpoints(settings, vpc, private, tables)
    flow_logs(settings, vpc, logs_key)
    return Network(plan, vpc, public, private, database)


def routes(settings: Settings, vpc: ec2.Vpc, gateway: ec2.InternetGateway, public: list[ec2.Subnet], private: list[ec2.Subnet],
           database: list[ec2.Subnet]) -> list[ec2.RouteTable]:
    """Public subnets reach the internet directly, private ones by NAT, database ones not. Returns the private ones' tables."""
    name = settings.name

    def table(kind: str, subnets: list[ec2.Subnet], zones: tuple[str, ...]) -> ec2.RouteTable:
        made = ec2.RouteTable(kind, vpc_id=vpc.id, tags=settings.tagged(f"{name}-{kind}"))
        for subnet, zone in zip(subnets, zones, strict=True):
            ec2.RouteTableAssociation(f"{kind.split('-')[0]}-{zone}", subnet_id=subnet.id, route_table_id=made.id)
        return made

    ec2.Route("public-internet", route_table_id=table("public", public, settings.zones).id, destination_cidr_block="0.0.0.0/0",
              gateway_id=gateway.id)
    table("database", database, settings.zones)
    tables: list[ec2.RouteTable] = []
    nat: ec2.NatGateway | None = None
    for index, zone in enumerate(settings.zones):
        if nat is None or settings.sizes.nat_per_zone:
            address = ec2.Eip(f"nat-{zone}", domain="vpc", tags=settings.tagged(f"{name}-nat-{zone}"))
            nat = ec2.NatGateway(f"nat-{zone}", allocation_id=address.id, subnet_id=public[index].id,
                                 tags=settings.tagged(f"{name}-nat-{zone}"), opts=pulumi.ResourceOptions(depends_on=[gateway]))
        tables.append(table(f"private-{zone}", [private[index]], (zone,)))
        ec2.Route(f"private-{zone}-internet", route_table_id=tables[-1].id, destination_cidr_block="0.0.0.0/0", nat_gateway_id=nat.id)
    return tables


def endpoints(settings: Settings, vpc: ec2.Vpc, private: list[ec2.Subnet], tables: list[ec2.RouteTable]) -> None:
    name = settings.name
    ec2.VpcEndpoint("s3", vpc_id=vpc.id, service_name=f"com.amazonaws.{settings.region}.s3", vpc_endpoint_type="Gateway",
                    route_table_ids=[table.id for table in tables], tags=settings.tagged(f"{name}-s3"))
    # By address and not by group: the nodes' group is made with the cluster, which needs this network first.
    group = ec2.SecurityGroup("endpoints", vpc_id=vpc.id, description="AWS's own endpoints, for nodes and pods",
                              tags=settings.tagged(f"{name}-endpoints"), opts=pulumi.ResourceOptions(delete_before_replace=True))
    for zone, cidr in zip(settings.zones, Plan.of(settings.cidr, len(settings.zones)).private, strict=True):
        ingress_from_cidr(settings, f"private-{zone}-to-endpoints", cidr, group, 443)
    for service in ENDPOINTS:
        ec2.VpcEndpoint(service.replace(".", "-"), vpc_id=vpc.id, service_name=f"com.amazonaws.{settings.region}.{service}",
                        vpc_endpoint_type="Interface", private_dns_enabled=True, subnet_ids=[subnet.id for subnet in private],
                        security_group_ids=[group.id], tags=settings.tagged(f"{name}-{service}"))


def flow_logs(settings: Settings, vpc: ec2.Vpc, logs_key: pulumi.Input[str]) -> None:
    """Who talked to whom: what is asked first after an intrusion, and cannot be had later."""
    group = cloudwatch.LogGroup("flows", name=f"/{settings.name}/flows", retention_in_days=settings.sizes.log_days, kms_key_id=logs_key,
                                tags=settings.tagged(f"{settings.name}-flows"))
    role = iam.Role("flows", name=f"{settings.name}-flows", assume_role_policy=policies.trusts("vpc-flow-logs.amazonaws.com"),
                    tags=settings.tagged(f"{settings.name}-flows"))
    iam.RolePolicy("flows", role=role.id, policy=group.arn.apply(lambda arn: policies.document(
        policies.allow(["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"], f"{arn}:*"))))
    ec2.FlowLog("flows", vpc_id=vpc.id, traffic_type="ALL", log_destination=group.arn, iam_role_arn=role.arn, max_aggregation_interval=60,
                tags=settings.tagged(f"{settings.name}-flows"))
