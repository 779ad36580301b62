"""IAM documents. Every statement names its actions one by one: a wildcard in an action would grow with what AWS adds to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi_aws import iam, kms

from .settings import Settings


def allow(actions: Sequence[str], resources: str | Sequence[str], **more: Any) -> dict[str, Any]:
    """A statement. `more` holds Condition and the like."""
    return {"Effect": "Allow", "Action": sorted(actions), "Resource": resources if isinstance(resources, str) else list(resources), **more}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trusts(service: str, *actions: str, **condition: Any) -> str:
    """Lets a service of AWS take on a role."""
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": {"Service": service}, "Action": list(actions) or ["sts:AssumeRole"]}
    return document({**statement, **({"Condition": condition} if condition else {})})


def pod_role(settings: Settings, name: str, managed: Sequence[str] = (), policy: pulumi.Input[str] | None = None) -> iam.Role:
    """A role for pods, by EKS Pod Identity: no key exists that could be lost."""
    role = iam.Role(
        f"{name}-pods",
        name=f"{settings.name}-{name}",
        assume_role_policy=trusts("pods.eks.amazonaws.com", "sts:AssumeRole", "sts:TagSession"),
        tags=settings.tagged(f"{settings.name}-{name}"),
    )
    for arn in managed:
        iam.RolePolicyAttachment(f"{name}-pods-{arn.rsplit('/', 1)[-1]}", role=role.name, policy_arn=arn)
    if policy is not None:
        iam.RolePolicy(f"{name}-pods", role=role.id, policy=policy)
    return role


# What the account's administrators may do with a key, through IAM. AWS's own default is kms:*, which also lets everybody with a wide
# policy decrypt; here using a key is given apart from administering it.
KEY_ADMINISTRATION = (
    "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:CreateGrant", "kms:DeleteAlias", "kms:DescribeKey", "kms:DisableKey",
    "kms:DisableKeyRotation", "kms:EnableKey", "kms:EnableKeyRotation", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListAliases",
    "kms:ListGrants", "kms:ListKeyPolicies", "kms:ListResourceTags", "kms:PutKeyPolicy", "kms:RevokeGrant", "kms:ScheduleKeyDeletion",
    "kms:TagResource", "kms:UntagResource", "kms:UpdateAlias", "kms:UpdateKeyDescription",
)
KEY_USE = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom",
           "kms:ReEncryptTo")


def key(settings: Settings, name: str, what: str, account: pulumi.Input[str], services: Sequence[str] = ()) -> kms.Key:
    """A key that turns over every year. `services` are those of AWS that use it in their own name; others use it in that of a principal of
    the account, which IAM allows or not."""

    def policy(account_id: str) -> str:
        root = {"AWS": f"arn:aws:iam::{account_id}:root"}
        statements = [
            allow(KEY_ADMINISTRATION, "*", Principal=root),
            allow(KEY_USE, "*", Principal=root),
        ]
        for service in services:
            statements.append(allow(KEY_USE, "*", Principal={"Service": service},
                                    Condition={"StringEquals": {"aws:SourceAccount": account_id}}
                                    if not service.startswith("logs.") else
                                    {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{settings.region}:{account_id}:log-group:*"}}))
        return document(*statements)

    made = kms.Key(
        f"{name}-key",
        description=f"{settings.name}: {what}",
        enable_key_rotation=True,
        deletion_window_in_days=30 if settings.sizes.protected else 7,
        policy=pulumi.Output.from_input(account).apply(policy),
        tags=settings.tagged(f"{settings.name}-{name}"),
    )
    kms.Alias(f"{name}-key", name=f"alias/{settings.name}-{name}", target_key_id=made.key_id)
    return made
