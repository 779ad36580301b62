"""What the controllers in the cluster may do in AWS: each has a role of its own, by Pod Identity, for one service account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi_aws import eks

from . import policies
from .settings import Settings

# Namespace and service account, as the charts of `controllers` name them.
LOAD_BALANCERS = ("kube-system", "aws-load-balancer-controller")
EXTERNAL_SECRETS = ("external-secrets", "external-secrets")


def build(settings: Settings, account: str, cluster: eks.Cluster, secrets: Sequence[pulumi.Input[str]], keys: Sequence[pulumi.Input[str]]) -> None:
    balancers = policies.pod_role(settings, "load-balancers", policy=load_balancers(settings, account))
    read = pulumi.Output.all(secrets=pulumi.Output.all(*secrets), keys=pulumi.Output.all(*keys)).apply(lambda arns: policies.document(
        policies.allow(["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"], sorted(arns["secrets"])),
        policies.allow(["kms:Decrypt"], sorted(arns["keys"]),
                       Condition={"StringEquals": {"kms:ViaService": f"secretsmanager.{settings.region}.amazonaws.com"}}),
    ))
    external = policies.pod_role(settings, "external-secrets", policy=read)
    for name, (namespace, service_account), role in (("load-balancers", LOAD_BALANCERS, balancers), ("external-secrets", EXTERNAL_SECRETS, external)):
        if settings.local:
            continue
        eks.PodIdentityAssociation(name, cluster_name=cluster.name, namespace=namespace, service_account=service_account, role_arn=role.arn,
                                   tags=settings.tagged(f"{settings.name}-{name}"))


def load_balancers(settings: Settings, account: str) -> str:
    """Looks at anything; makes, changes and removes only what carries the cluster's tag. Less than the controller's own policy: it gets its
    security groups from here, so it may neither make nor open one, and there is no WAF, Shield or Cognito here."""
    mine: dict[str, Any] = {"StringEquals": {"aws:ResourceTag/elbv2.k8s.aws/cluster": settings.name}}
    tagging: dict[str, Any] = {"StringEquals": {"aws:RequestTag/elbv2.k8s.aws/cluster": settings.name}}
    prefix = f"arn:aws:elasticloadbalancing:{settings.region}:{account}"
    balancers, groups = f"{prefix}:loadbalancer/app/*/*", f"{prefix}:targetgroup/*/*"
    listeners = [f"{prefix}:listener/app/*/*/*", f"{prefix}:listener-rule/app/*/*/*/*"]
    return policies.document(
        # None of these can be bound to a resource.
        policies.allow([
            "acm:DescribeCertificate", "acm:ListCertificates", "ec2:DescribeAccountAttributes", "ec2:DescribeAddresses",
            "ec2:DescribeAvailabilityZones", "ec2:DescribeInstances", "ec2:DescribeInternetGateways", "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeTags", "ec2:DescribeVpcPeeringConnections",
            "ec2:DescribeVpcs", "ec2:GetCoipPoolUsage", "ec2:GetSecurityGroupsForVpc", "elasticloadbalancing:DescribeCapacityReservation",
            "elasticloadbalancing:DescribeListenerAttributes", "elasticloadbalancing:DescribeListenerCertificates",
            "elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeLoadBalancerAttributes",
            "elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeSSLPolicies",
            "elasticloadbalancing:DescribeTags", "elasticloadbalancing:DescribeTargetGroupAttributes", "elasticloadbalancing:DescribeTargetGroups",
            "elasticloadbalancing:DescribeTargetHealth", "elasticloadbalancing:DescribeTrustStores",
        ], "*"),
        policies.allow(["elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:CreateTargetGroup"], [balancers, groups], Condition=tagging),
        policies.allow(["elasticloadbalancing:AddTags"], [balancers, groups], Condition={
            **tagging, "StringEqualsIfExists": {"elasticloadbalancing:CreateAction": ["CreateLoadBalancer", "CreateTargetGroup"]}}),
        # What hangs on a load balancer of the cluster: AWS does not tag it in time for a condition.
        policies.allow([
            "elasticloadbalancing:AddListenerCertificates", "elasticloadbalancing:CreateListener", "elasticloadbalancing:CreateRule",
            "elasticloadbalancing:DeleteListener", "elasticloadbalancing:DeleteRule", "elasticloadbalancing:ModifyListener",
            "elasticloadbalancing:ModifyListenerAttributes", "elasticloadbalancing:ModifyRule", "elasticloadbalancing:RemoveListenerCertificates",
            "elasticloadbalancing:SetRulePriorities",
        ], [balancers, *listeners]),
        policies.allow(["elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags"], [balancers, groups, *listeners], Condition=mine),
        policies.allow([
            "elasticloadbalancing:DeleteLoadBalancer", "elasticloadbalancing:DeleteTargetGroup", "elasticloadbalancing:DeregisterTargets",
            "elasticloadbalancing:ModifyLoadBalancerAttributes", "elasticloadbalancing:ModifyTargetGroup",
            "elasticloadbalancing:ModifyTargetGroupAttributes", "elasticloadbalancing:RegisterTargets", "elasticloadbalancing:SetIpAddressType",
            "elasticloadbalancing:SetSecurityGroups", "elasticloadbalancing:SetSubnets",
        ], [balancers, groups], Condition=mine),
    )
