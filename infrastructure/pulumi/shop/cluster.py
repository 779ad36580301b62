"""The cluster: EKS with managed Graviton nodes. Add-ons that AWS maintains are installed here; those that are Helm charts, in `controllers`."""

from __future__ import annotations

import dataclasses
import json

import pulumi
from pulumi_aws import cloudwatch, ec2, eks, iam

from . import policies
from .network import Network
from .settings import Settings

ADMINISTRATOR = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
LOGS = ("api", "audit", "authenticator", "controllerManager", "scheduler")


@dataclasses.dataclass(frozen=True)
class Cluster:
    cluster: eks.Cluster
    # Of nodes and of the API alike: EKS makes it, and lets its members talk to each other.
    security_group: pulumi.Output[str]
    addons: list[eks.Addon]


def build(settings: Settings, network: Network, secrets_key: pulumi.Input[str], disks_key: pulumi.Input[str],
          logs_key: pulumi.Input[str]) -> Cluster:
    name = settings.name
    # Made first, so that it is encrypted and ends: EKS would make one that does neither.
    logs = cloudwatch.LogGroup("cluster", name=f"/aws/eks/{name}/cluster", retention_in_days=settings.sizes.log_days, kms_key_id=logs_key,
                               tags=settings.tagged(name))
    role = iam.Role("cluster", name=f"{name}-cluster", assume_role_policy=policies.trusts("eks.amazonaws.com"), tags=settings.tagged(name))
    control = iam.RolePolicyAttachment("cluster", role=role.name, policy_arn="arn:aws:iam::aws:policy/AmazonEKSClusterPolicy")
    cluster = eks.Cluster(
        "cluster",
        name=name,
        version=settings.kubernetes_version,
        role_arn=role.arn,
        vpc_config=eks.ClusterVpcConfigArgs(
            subnet_ids=[subnet.id for subnet in network.private],
            endpoint_private_access=True,
            endpoint_public_access=bool(settings.api_cidrs),
            public_access_cidrs=list(settings.api_cidrs) or None,
        ),
        access_config=eks.ClusterAccessConfigArgs(
            authentication_mode="API", bootstrap_cluster_creator_admin_permissions=not settings.cluster_admins,
        ),
        encryption_config=eks.ClusterEncryptionConfigArgs(
            provider=eks.ClusterEncryptionConfigProviderArgs(key_arn=secrets_key), resources=["secrets"],
        ),
        enabled_cluster_log_types=list(LOGS),
        bootstrap_self_managed_addons=False,
        deletion_protection=settings.sizes.protected,
        upgrade_policy=eks.ClusterUpgradePolicyArgs(support_type="STANDARD"),
        zonal_shift_config=eks.ClusterZonalShiftConfigArgs(enabled=True),
        tags=settings.tagged(name),
        opts=pulumi.ResourceOptions(depends_on=[logs, control]),
    )
    for index, arn in enumerate(settings.cluster_admins):
        entry = eks.AccessEntry(f"administrator-{index}", cluster_name=cluster.name, principal_arn=arn, tags=settings.tagged(name))
        eks.AccessPolicyAssociation(f"administrator-{index}", cluster_name=cluster.name, principal_arn=entry.principal_arn,
                                    policy_arn=ADMINISTRATOR,
                                    access_scope=eks.AccessPolicyAssociationAccessScopeArgs(type="cluster"))
    group = cluster.vpc_config.apply(lambda config: config.cluster_security_group_id or "")
    first = [] if settings.local else addons_before_nodes(settings, cluster)
    nodes = node_group(settings, network, cluster, disks_key, first)
    return Cluster(cluster, group, first if settings.local else first + addons_on_nodes(settings, cluster, nodes))


def node_group(settings: Settings, network: Network, cluster: eks.Cluster, disks_key: pulumi.Input[str], after: list[eks.Addon]) -> eks.NodeGroup:
    name = f"{settings.name}-nodes"
    role = iam.Role("nodes", name=name, assume_role_policy=policies.trusts("ec2.amazonaws.com"), tags=settings.tagged(name))
    attached = [
        iam.RolePolicyAttachment(f"nodes-{policy}", role=role.name, policy_arn=f"arn:aws:iam::aws:policy/{policy}")
        for policy in ("AmazonEKSWorkerNodeMinimalPolicy", "AmazonEC2ContainerRegistryPullOnly")
    ]
    template = ec2.LaunchTemplate(
        "nodes",
        name=name,
        update_default_version=True,
        # One hop: a node may ask for its role, a pod on it may not.
        metadata_options=ec2.LaunchTemplateMetadataOptionsArgs(http_tokens="required", http_put_response_hop_limit=1, http_endpoint="enabled"),
        block_device_mappings=[ec2.LaunchTemplateBlockDeviceMappingArgs(
            device_name="/dev/xvda",
            ebs=ec2.LaunchTemplateBlockDeviceMappingEbsArgs(volume_size=30, volume_type="gp3", encrypted="true", kms_key_id=disks_key,
                                                            delete_on_termination="true"),
        )],
        tag_specifications=[
            ec2.LaunchTemplateTagSpecificationArgs(resource_type=kind, tags=settings.tagged(name))
            for kind in ("instance", "volume", "network-interface")
        ],
        tags=settings.tagged(name),
    )
    least, most = settings.sizes.nodes
    return eks.NodeGroup(
        "nodes",
        cluster_name=cluster.name,
        node_group_name=name,
        node_role_arn=role.arn,
        subnet_ids=[subnet.id for subnet in network.private],
        # arm64: scripts/push-images.sh builds for it.
        ami_type="AL2023_ARM_64_STANDARD",
        instance_types=[settings.sizes.node_type],
        capacity_type="SPOT" if settings.sizes.spot else "ON_DEMAND",
        scaling_config=eks.NodeGroupScalingConfigArgs(min_size=least, max_size=most, desired_size=least),
        update_config=eks.NodeGroupUpdateConfigArgs(max_unavailable=1),
        node_repair_config=eks.NodeGroupNodeRepairConfigArgs(enabled=True),
        launch_template=eks.NodeGroupLaunchTemplateArgs(
            id=template.id, version=template.latest_version.apply(str),
        ),
        tags=settings.tagged(name),
        # How many there are is what the load made of it.
        opts=pulumi.ResourceOptions(depends_on=[*attached, *after], ignore_changes=["scalingConfig.desiredSize"]),
    )


def addon(settings: Settings, cluster: eks.Cluster, name: str, values: dict[str, object] | None = None,
          role: tuple[str, iam.Role] | None = None, after: list[pulumi.Resource] | None = None) -> eks.Addon:
    return eks.Addon(
        name,
        cluster_name=cluster.name,
        addon_name=name,
        resolve_conflicts_on_create="OVERWRITE",
        resolve_conflicts_on_update="PRESERVE",
        configuration_values=json.dumps(values) if values else None,
        pod_identity_associations=[eks.AddonPodIdentityAssociationArgs(service_account=role[0], role_arn=role[1].arn)] if role else None,
        tags=settings.tagged(f"{settings.name}-{name}"),
        opts=pulumi.ResourceOptions(depends_on=after or []),
    )


def addons_before_nodes(settings: Settings, cluster: eks.Cluster) -> list[eks.Addon]:
    """What a node needs to be ready: addresses for its pods, their way to Services, and roles for them."""
    network = policies.pod_role(settings, "vpc-cni", ["arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"])
    return [
        addon(settings, cluster, "eks-pod-identity-agent"),
        # Without this setting the NetworkPolicies of k8s/ are accepted and do nothing.
        addon(settings, cluster, "vpc-cni", {"enableNetworkPolicy": "true"}, ("aws-node", network)),
        addon(settings, cluster, "kube-proxy"),
    ]


def addons_on_nodes(settings: Settings, cluster: eks.Cluster, nodes: eks.NodeGroup) -> list[eks.Addon]:
    disks = policies.pod_role(settings, "ebs-csi", ["arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy"])
    return [
        addon(settings, cluster, "coredns", {"autoScaling": {"enabled": True, "minReplicas": 2, "maxReplicas": 4}}, after=[nodes]),
        addon(settings, cluster, "metrics-server", after=[nodes]),
        addon(settings, cluster, "aws-ebs-csi-driver", role=("ebs-csi-controller-sa", disks), after=[nodes]),
    ]
