"""Which part may call which: every opening of a security group is made here, and named CALLER-to-CALLEE."""

from __future__ import annotations

import pulumi
from pulumi_aws import ec2, vpc

from .settings import Settings


def group(settings: Settings, name: str, what: str, network: ec2.Vpc) -> ec2.SecurityGroup:
    return ec2.SecurityGroup(name, vpc_id=network.id, description=what, tags=settings.tagged(f"{settings.name}-{name}"),
                             opts=pulumi.ResourceOptions(delete_before_replace=True))


def ingress_from_cidr(settings: Settings, name: str, cidr: str, callee: ec2.SecurityGroup, port: int) -> None:
    vpc.SecurityGroupIngressRule(name, security_group_id=callee.id, cidr_ipv4=cidr, ip_protocol="tcp", from_port=port, to_port=port,
                                 description=name, tags=settings.tagged(f"{settings.name}-{name}"))


def ingress_from_group(settings: Settings, name: str, caller: pulumi.Input[str], callee: pulumi.Input[str], port: int) -> None:
    vpc.SecurityGroupIngressRule(name, security_group_id=callee, referenced_security_group_id=caller, ip_protocol="tcp", from_port=port,
                                 to_port=port, description=name, tags=settings.tagged(f"{settings.name}-{name}"))


def egress_to_group(settings: Settings, name: str, caller: pulumi.Input[str], callee: pulumi.Input[str], port: int) -> None:
    vpc.SecurityGroupEgressRule(name, security_group_id=caller, referenced_security_group_id=callee, ip_protocol="tcp", from_port=port,
                                to_port=port, description=name, tags=settings.tagged(f"{settings.name}-{name}"))
