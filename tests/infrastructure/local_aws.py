#!/usr/bin/env python3
"""Which of the resources the local stand-in for AWS (moto) knows: for each, the calls that the provider makes of it, as far as is known here.

Without arguments, prints the table that infrastructure/pulumi/README.md has. Needs moto: infrastructure/pulumi/local/requirements.txt.
"""

from __future__ import annotations

import importlib
import re
import sys

from graph import graph

# Resource → service and calls: to make it, to look at it, to remove it.
CALLS: dict[str, tuple[str, str]] = {
    "Addon": ("eks", "CreateAddon DescribeAddon DeleteAddon"),
    "Alias": ("kms", "CreateAlias ListAliases DeleteAlias"),
    "Certificate": ("acm", "RequestCertificate DescribeCertificate ListTagsForCertificate DeleteCertificate"),
    "CertificateValidation": ("acm", "DescribeCertificate"),
    "Cluster": ("eks", "CreateCluster DescribeCluster DeleteCluster"),
    "DefaultSecurityGroup": ("ec2", "DescribeSecurityGroups RevokeSecurityGroupIngress RevokeSecurityGroupEgress"),
    "Eip": ("ec2", "AllocateAddress DescribeAddresses ReleaseAddress"),
    "FlowLog": ("ec2", "CreateFlowLogs DescribeFlowLogs DeleteFlowLogs"),
    "Instance": ("rds", "CreateDBInstance DescribeDBInstances DeleteDBInstance"),
    "InternetGateway": ("ec2", "CreateInternetGateway AttachInternetGateway DescribeInternetGateways DetachInternetGateway DeleteInternetGateway"),
    "Key": ("kms", "CreateKey DescribeKey PutKeyPolicy EnableKeyRotation GetKeyRotationStatus ScheduleKeyDeletion"),
    "LaunchTemplate": ("ec2", "CreateLaunchTemplate DescribeLaunchTemplates DescribeLaunchTemplateVersions DeleteLaunchTemplate"),
    "LifecyclePolicy": ("ecr", "PutLifecyclePolicy GetLifecyclePolicy DeleteLifecyclePolicy"),
    "LogGroup": ("logs", "CreateLogGroup DescribeLogGroups PutRetentionPolicy AssociateKmsKey DeleteLogGroup"),
    "NatGateway": ("ec2", "CreateNatGateway DescribeNatGateways DeleteNatGateway"),
    "NodeGroup": ("eks", "CreateNodegroup DescribeNodegroup DeleteNodegroup"),
    "ParameterGroup": ("rds", "CreateDBParameterGroup ModifyDBParameterGroup DescribeDBParameterGroups DescribeDBParameters DeleteDBParameterGroup"),
    "PodIdentityAssociation": ("eks", "CreatePodIdentityAssociation DescribePodIdentityAssociation DeletePodIdentityAssociation"),
    "Record": ("route53", "ChangeResourceRecordSets ListResourceRecordSets GetChange"),
    "ReplicationGroup": ("elasticache", "CreateReplicationGroup DescribeReplicationGroups DeleteReplicationGroup"),
    "Repository": ("ecr", "CreateRepository DescribeRepositories PutImageScanningConfiguration DeleteRepository"),
    "Role": ("iam", "CreateRole GetRole ListRolePolicies ListAttachedRolePolicies DeleteRole"),
    "RolePolicy": ("iam", "PutRolePolicy GetRolePolicy DeleteRolePolicy"),
    "RolePolicyAttachment": ("iam", "AttachRolePolicy ListAttachedRolePolicies DetachRolePolicy"),
    "Route": ("ec2", "CreateRoute DescribeRouteTables DeleteRoute"),
    "RouteTable": ("ec2", "CreateRouteTable DescribeRouteTables DeleteRouteTable"),
    "RouteTableAssociation": ("ec2", "AssociateRouteTable DescribeRouteTables DisassociateRouteTable"),
    "Secret": ("secretsmanager", "CreateSecret DescribeSecret GetResourcePolicy DeleteSecret"),
    "SecretVersion": ("secretsmanager", "PutSecretValue GetSecretValue UpdateSecretVersionStage"),
    "SecurityGroup": ("ec2", "CreateSecurityGroup DescribeSecurityGroups RevokeSecurityGroupEgress DeleteSecurityGroup"),
    "SecurityGroupEgressRule": ("ec2", "AuthorizeSecurityGroupEgress DescribeSecurityGroupRules RevokeSecurityGroupEgress"),
    "SecurityGroupIngressRule": ("ec2", "AuthorizeSecurityGroupIngress DescribeSecurityGroupRules RevokeSecurityGroupIngress"),
    "Subnet": ("ec2", "CreateSubnet DescribeSubnets ModifySubnetAttribute DeleteSubnet"),
    "User": ("elasticache", "CreateUser DescribeUsers ListTagsForResource DeleteUser"),
    "UserGroup": ("elasticache", "CreateUserGroup DescribeUserGroups DeleteUserGroup"),
    "Vpc": ("ec2", "CreateVpc DescribeVpcs DescribeVpcAttribute ModifyVpcAttribute DeleteVpc"),
    "VpcEndpoint": ("ec2", "CreateVpcEndpoint DescribeVpcEndpoints ModifyVpcEndpoint DeleteVpcEndpoints"),
}
SUBNET_GROUPS = {
    "rds": "CreateDBSubnetGroup DescribeDBSubnetGroups DeleteDBSubnetGroup",
    "elasticache": "CreateCacheSubnetGroup DescribeCacheSubnetGroups DeleteCacheSubnetGroup",
}


def method(call: str) -> str:
    """As moto spells it."""
    return str(importlib.import_module("moto.core.responses").camelcase_to_underscores(call))


def unknown(service: str, calls: list[str]) -> list[str]:
    responses = importlib.import_module(f"moto.{service}.responses")
    classes = [c for c in vars(responses).values() if isinstance(c, type)]
    known = {name for c in classes for name in dir(c)}
    if service == "route53":
        text = re.sub(r"[^a-z]", "", " ".join(known))
        return [call for call in calls if method(call) not in known and method(call).replace("_", "") not in text]
    return [call for call in calls if method(call) not in known]


def main() -> int:
    rows: dict[str, list[str]] = {}
    for resource in graph("prod", "foundation").resources:
        package, place, kind = (resource.type + "::").split(":")[:3]
        if package != "aws":
            continue
        folder = place.split("/")[0]
        service, calls = CALLS.get(kind) or (folder, SUBNET_GROUPS.get(folder, ""))
        if not calls:
            print(f"no calls are listed for {resource.type}", file=sys.stderr)
            return 1
        rows[f"{service}: {kind}"] = unknown(service, calls.split())
    for name, missing in sorted(rows.items()):
        if missing:
            print(f"| `{name}` | {', '.join(f'`{call}`' for call in missing)} |")
    print(f"{len(rows)} kinds of resources, {sum(bool(missing) for missing in rows.values())} of them not known in full")
    return 0


if __name__ == "__main__":
    sys.exit(main())
