"""A repository for each service's image. A tag never changes its meaning, and deployments go by digest all the same."""

from __future__ import annotations

import json

import pulumi
from pulumi_aws import ecr

from .settings import SERVICES, Settings

# Images: enough to go back for months of weekly releases.
KEEP = 30


def build(settings: Settings, key: pulumi.Input[str]) -> dict[str, ecr.Repository]:
    repositories: dict[str, ecr.Repository] = {}
    for service in SERVICES:
        repositories[service] = repository = ecr.Repository(
            service,
            name=f"{settings.name}/{service}",
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration=ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
            encryption_configurations=[ecr.RepositoryEncryptionConfigurationArgs(encryption_type="KMS", kms_key=key)],
            force_delete=not settings.sizes.protected,
            tags=settings.tagged(f"{settings.name}/{service}"),
        )
        ecr.LifecyclePolicy(service, repository=repository.name, policy=json.dumps({"rules": [
            {"rulePriority": 1, "description": "what no tag names any more", "action": {"type": "expire"},
             "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14}},
            {"rulePriority": 2, "description": f"all but the last {KEEP}", "action": {"type": "expire"},
             "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": KEEP}},
        ]}))
    return repositories
