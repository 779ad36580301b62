"""What must run in the cluster before the shop can: Helm charts, each at one version. Their rights in AWS are in `identities`."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi_kubernetes import Provider
from pulumi_kubernetes.helm.v3 import Release, ReleaseArgs, RepositoryOptsArgs

from .identities import EXTERNAL_SECRETS, LOAD_BALANCERS


def chart(name: str, repository: str, version: str, namespace: str, values: dict[str, Any], provider: Provider) -> Release:
    return Release(
        name,
        ReleaseArgs(
            name=name, chart=name, version=version, namespace=namespace, create_namespace=namespace != "kube-system",
            repository_opts=RepositoryOptsArgs(repo=repository), values=values,
            # Whole or not at all, within so many seconds.
            atomic=True, timeout=600,
        ),
        opts=pulumi.ResourceOptions(provider=provider),
    )


def build(foundation: pulumi.StackReference, provider: Provider) -> list[pulumi.Resource]:
    balancers = chart("aws-load-balancer-controller", "https://aws.github.io/eks-charts", "1.13.4", LOAD_BALANCERS[0], {
        "clusterName": foundation.require_output("clusterName"),
        "region": foundation.require_output("region"),
        # Given, because a pod may not ask its node's metadata.
        "vpcId": foundation.require_output("vpcId"),
        "replicaCount": 2,
        "serviceAccount": {"create": True, "name": LOAD_BALANCERS[1]},
        "enableShield": False, "enableWaf": False, "enableWafv2": False,
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
    }, provider)
    secrets = chart("external-secrets", "https://charts.external-secrets.io", "0.18.2", EXTERNAL_SECRETS[0], {
        "installCRDs": True,
        "serviceAccount": {"create": True, "name": EXTERNAL_SECRETS[1]},
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
    }, provider)
    return [balancers, secrets]
