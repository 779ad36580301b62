"""Datadog: its Agent in the cluster, its look at AWS, and the dashboards, monitors and objectives of observability/datadog."""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any

import pulumi
import pulumi_datadog as datadog
from pulumi_aws import iam
from pulumi_kubernetes import Provider
from pulumi_kubernetes.core.v1 import Namespace, Secret
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from . import policies
from .controllers import chart
from .settings import Settings

FOLDER = pathlib.Path(__file__).resolve().parents[3] / "observability/datadog"
# Datadog's own account, which takes on the role below.
DATADOG = "464622532012"
# What Datadog reads: the figures of what is used here, and no data.
NAMESPACES = ("AWS/ApplicationELB", "AWS/EBS", "AWS/EC2", "AWS/ElastiCache", "AWS/NATGateway", "AWS/RDS")
READS = (
    "cloudwatch:GetMetricData", "cloudwatch:ListMetrics", "ec2:DescribeInstances", "ec2:DescribeNatGateways", "ec2:DescribeVolumes",
    "elasticache:DescribeCacheClusters", "elasticache:ListTagsForResource", "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeTags", "elasticloadbalancing:DescribeTargetGroups", "rds:DescribeDBInstances", "rds:ListTagsForResource",
    "tag:GetResources",
)


def agent(provider: Provider) -> pulumi.Resource:
    """The Operator, and the key with which the Agent sends. The Agent itself is in k8s/datadog, which the overlay eks-datadog adds."""
    key = os.environ.get("DD_API_KEY", "")
    if not key:
        raise RuntimeError("DD_API_KEY is not set, and hello-dd:datadog is true")
    options = pulumi.ResourceOptions(provider=provider)
    namespace = Namespace("datadog", metadata=ObjectMetaArgs(name="datadog", labels={"pod-security.kubernetes.io/enforce": "privileged"}),
                          opts=options)
    secret = Secret("datadog", metadata=ObjectMetaArgs(name="datadog-secret", namespace=namespace.metadata.apply(lambda m: m.name or "")),
                    string_data={"api-key": pulumi.Output.secret(key)}, opts=options)
    return chart("datadog-operator", "https://helm.datadoghq.com", "2.10.0", "datadog", {
        "site": os.environ.get("DD_SITE", "datadoghq.com"),
        "apiKeyExistingSecret": secret.metadata.apply(lambda m: m.name),
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
    }, provider)


def build(settings: Settings, foundation: pulumi.StackReference) -> None:
    integration(settings, foundation)
    # One organisation sees all stacks: what is shown and watched is made once, by prod; `env` tells them apart.
    if not settings.sizes.protected:
        return
    for path in sorted(FOLDER.glob("dashboards/*.json")):
        datadog.DashboardJson(f"dashboard-{path.stem}", dashboard=json.dumps(json.loads(path.read_text())))
    for path in sorted(FOLDER.glob("monitors/*.json")):
        datadog.MonitorJson(f"monitor-{path.stem}", monitor=json.dumps(json.loads(path.read_text())))
    for path in sorted(FOLDER.glob("objectives/*.json")):
        objective(path.stem, json.loads(path.read_text()))
    for metric in json.loads((FOLDER / "metrics.json").read_text()):
        describe(metric)


def objective(name: str, content: dict[str, Any]) -> None:
    datadog.ServiceLevelObjective(
        f"objective-{name}",
        name=content["name"], type=content["type"], description=content["description"], tags=content["tags"],
        query=datadog.ServiceLevelObjectiveQueryArgs(numerator=content["query"]["numerator"], denominator=content["query"]["denominator"]),
        thresholds=[datadog.ServiceLevelObjectiveThresholdArgs(timeframe=t["timeframe"], target=float(t["target"])) for t in content["thresholds"]],
    )


def describe(metric: dict[str, Any]) -> None:
    name, about = metric["name"], metric["metadata"]
    datadog.MetricMetadata(f"metric-{name}", metric=name, type=about["type"], description=about["description"], unit=about.get("unit"))
    if "tags" in metric:
        attributes = metric["tags"]["data"]["attributes"]
        datadog.MetricTagConfiguration(f"metric-{name}", metric_name=name, metric_type=attributes["metric_type"], tags=attributes["tags"],
                                       include_percentiles=attributes.get("include_percentiles"))


def integration(settings: Settings, foundation: pulumi.StackReference) -> None:
    """Datadog reads CloudWatch by a role that only it can take on, and only with the word that it made itself."""
    name = f"{settings.name}-datadog"
    account: pulumi.Output[str] = foundation.require_output("account")
    aws = datadog.aws.IntegrationAccount(
        "aws",
        aws_account_id=account,
        aws_partition="aws",
        account_tags=[f"env:{settings.environment}", "team:shop"],
        auth_config=datadog.aws.IntegrationAccountAuthConfigArgs(
            aws_auth_config_role=datadog.aws.IntegrationAccountAuthConfigAwsAuthConfigRoleArgs(role_name=name)),
        aws_regions=datadog.aws.IntegrationAccountAwsRegionsArgs(include_onlies=[settings.region]),
        metrics_config=datadog.aws.IntegrationAccountMetricsConfigArgs(
            enabled=True, namespace_filters=datadog.aws.IntegrationAccountMetricsConfigNamespaceFiltersArgs(include_onlies=list(NAMESPACES))),
        resources_config=datadog.aws.IntegrationAccountResourcesConfigArgs(
            cloud_security_posture_management_collection=False, extended_collection=False),
        logs_config=datadog.aws.IntegrationAccountLogsConfigArgs(lambda_forwarder=datadog.aws.IntegrationAccountLogsConfigLambdaForwarderArgs()),
        traces_config=datadog.aws.IntegrationAccountTracesConfigArgs(xray_services=datadog.aws.IntegrationAccountTracesConfigXrayServicesArgs()),
    )

    def trust(word: str) -> str:
        return policies.document({"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{DATADOG}:root"}, "Action": ["sts:AssumeRole"],
                                  "Condition": {"StringEquals": {"sts:ExternalId": word}}})

    word = aws.auth_config.apply(lambda config: (config.aws_auth_config_role.external_id if config and config.aws_auth_config_role else "") or "")
    role = iam.Role("datadog", name=name, assume_role_policy=word.apply(trust), tags=settings.tagged(name))
    # None of these actions can be bound to a resource.
    iam.RolePolicy("datadog", role=role.id, policy=policies.document(policies.allow(READS, "*")))
