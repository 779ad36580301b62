"""The second half: what runs in the cluster. It needs the first half up and the images pushed."""

from __future__ import annotations

import json
from typing import Any

import pulumi
from pulumi_kubernetes import Provider
from pulumi_kubernetes.networking.v1 import Ingress
from pulumi_kubernetes.yaml.v2 import ConfigGroup

from . import controllers, dns, observability, overlay
from .settings import SERVICES, Settings, SettingsError


def build(settings: Settings) -> dict[str, pulumi.Input[object]]:
    missing = [service for service in SERVICES if service not in settings.images]
    if missing:
        raise SettingsError(f"hello-dd:images has no {', '.join(missing)}: push them with scripts/push-images.sh {settings.stack}")
    foundation = pulumi.StackReference(settings.foundation)
    provider = Provider("cluster", kubeconfig=kubeconfig(foundation), enable_server_side_apply=True)
    before = controllers.build(foundation, provider)
    if settings.datadog:
        before.append(observability.agent(provider))

    wanted = sorted({*overlay.CONSUMED.values()})
    outputs = pulumi.Output.all(**{name: foundation.require_output(name) for name in wanted})
    objects = outputs.apply(lambda given: overlay.render(overlay.values(given, settings.images), settings.datadog))
    shop = ConfigGroup("shop", objs=objects, opts=pulumi.ResourceOptions(provider=provider, depends_on=before))

    ingress = Ingress.get("api-gateway", "hello-dd/api-gateway", opts=pulumi.ResourceOptions(provider=provider, depends_on=[shop]))
    balancer: pulumi.Output[str] = ingress.status.apply(balancer_of)
    address = dns.address(settings, balancer)
    if settings.datadog:
        observability.build(settings, foundation)
    return {"url": address.name.apply(lambda name: f"https://{name}"), "loadBalancer": balancer, "images": dict(settings.images)}


def balancer_of(status: Any) -> str:
    """The host name of what the controller made for the Ingress. Pulumi waits for it; where there is none, something is wrong."""
    name = status.load_balancer.ingress[0].hostname if status and status.load_balancer and status.load_balancer.ingress else None
    if not name:
        raise RuntimeError("the Ingress has no load balancer: kubectl -n kube-system logs deployment/aws-load-balancer-controller says why")
    return str(name)


def kubeconfig(foundation: pulumi.StackReference) -> pulumi.Output[str]:
    """Access by a token of a quarter of an hour, which `aws` makes from whoever runs this; nothing lasting is written down."""

    def text(cluster: dict[str, Any]) -> str:
        return json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "eks",
            "clusters": [{"name": "eks", "cluster": {"server": cluster["clusterEndpoint"],
                                                      "certificate-authority-data": cluster["clusterAuthority"]}}],
            "contexts": [{"name": "eks", "context": {"cluster": "eks", "user": "eks"}}],
            "users": [{"name": "eks", "user": {"exec": {
                "apiVersion": "client.authentication.k8s.io/v1", "command": "aws", "interactiveMode": "Never",
                "args": ["eks", "get-token", "--region", cluster["region"], "--cluster-name", cluster["clusterName"]],
            }}}],
        })

    names = ("clusterEndpoint", "clusterAuthority", "clusterName", "region")
    return pulumi.Output.all(**{name: foundation.require_output(name) for name in names}).apply(text)
