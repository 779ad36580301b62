"""What the services keep secret, in Secrets Manager. External Secrets copies it into the cluster; nothing of it is in an image, a manifest
or a shell."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pulumi
import pulumi_random
import pulumi_tls
from pulumi_aws import secretsmanager

from .cache import Cache
from .database import DATABASES, Database
from .settings import Settings, SettingsError


def build(settings: Settings, key: pulumi.Input[str], database: Database, cache: Cache) -> dict[str, secretsmanager.Secret]:
    """The secrets, by the end of their names; k8s/overlays/eks/external-secrets.yaml takes them apart again."""
    if "BEGIN CERTIFICATE" not in settings.database_authorities:
        raise SettingsError("hello-dd:databaseAuthorities is not set: scripts/aws.sh fetches the region's certificates and sets it")
    if "BEGIN PUBLIC KEY" not in settings.users_public_key:
        raise SettingsError("hello-dd:usersPublicKey is not set: scripts/aws.sh makes the pair and sets its public half")
    services = pulumi_tls.PrivateKey("services", algorithm="ECDSA", ecdsa_curve="P256")
    quotes = pulumi_random.RandomBytes("quotes", length=32)
    signs, checks = services.private_key_pem_pkcs8, services.public_key_pem
    contents: dict[str, Mapping[str, pulumi.Input[str]]] = {
        "database-roles": {**database.passwords, "authorities": settings.database_authorities},
        "inventory-service/keys": {"services_public": checks},
        "pricing-service/keys": {"services_public": checks, "quotes": quotes.hex},
        "api-gateway/keys": {"services_private": signs, "services_public": checks, "users_public": settings.users_public_key},
    }
    for service in ("pricing-service", "api-gateway"):
        contents[f"{service}/redis"] = {"password": cache.password}
    for service, role in DATABASES.items():
        contents[f"{service}/database"] = {"password": database.passwords[role], "authorities": settings.database_authorities}
    return {name: secret(settings, name, key, content) for name, content in contents.items()}


def secret(settings: Settings, name: str, key: pulumi.Input[str], content: Mapping[str, pulumi.Input[str]]) -> secretsmanager.Secret:
    made = secretsmanager.Secret(name, name=f"{settings.name}/{name}", kms_key_id=key,
                                 recovery_window_in_days=30 if settings.sizes.protected else 0, tags=settings.tagged(f"{settings.name}/{name}"))
    text: pulumi.Output[str] = pulumi.Output.all(**content).apply(lambda values: json.dumps(values, sort_keys=True))
    secretsmanager.SecretVersion(name, secret_id=made.id, secret_string=text,
                                 opts=pulumi.ResourceOptions(additional_secret_outputs=["secretString"]))
    return made
