"""PostgreSQL: one RDS instance with a standby, with a database and a role per service. The instance's own password is RDS's to make and to
change; the roles' are made here. The databases and roles are made from inside the network, by a Job of the overlay `eks`."""

from __future__ import annotations

import dataclasses

import pulumi
import pulumi_random
from pulumi_aws import cloudwatch, ec2, iam, rds

from . import edges, policies
from .network import Network
from .settings import Settings

ENGINE = "17"
# Role and database of each service.
DATABASES = {"inventory-service": "inventory", "pricing-service": "pricing", "api-gateway": "orders"}


@dataclasses.dataclass(frozen=True)
class Database:
    instance: rds.Instance
    # The ARN of what RDS keeps its own user's name and password in.
    administrator: pulumi.Output[str]
    # Role → password.
    passwords: dict[str, pulumi.Output[str]]


def build(settings: Settings, network: Network, nodes: pulumi.Input[str], key: pulumi.Input[str], logs_key: pulumi.Input[str]) -> Database:
    name, sizes = settings.name, settings.sizes
    group: ec2.SecurityGroup = edges.group(settings, "database", "PostgreSQL, for the pods of the shop", network.vpc)
    edges.ingress_from_group(settings, "nodes-to-database", nodes, group.id, 5432)
    subnets = rds.SubnetGroup("database", name=name, subnet_ids=[subnet.id for subnet in network.database], tags=settings.tagged(name))
    parameters = rds.ParameterGroup(
        "database",
        name=f"{name}-postgres{ENGINE}",
        family=f"postgres{ENGINE}",
        parameters=[
            # A connection without TLS is refused, whatever the client asks for.
            rds.ParameterGroupParameterArgs(name="rds.force_ssl", value="1"),
            rds.ParameterGroupParameterArgs(name="password_encryption", value="scram-sha-256"),
            # A statement is logged when it took half a second, with what it waited for.
            rds.ParameterGroupParameterArgs(name="log_min_duration_statement", value="500"),
            rds.ParameterGroupParameterArgs(name="log_lock_waits", value="1"),
            # Nobody holds a lock while they are away: longer than any transaction of the shop.
            rds.ParameterGroupParameterArgs(name="idle_in_transaction_session_timeout", value="30000"),
            rds.ParameterGroupParameterArgs(name="shared_preload_libraries", value="pg_stat_statements", apply_method="pending-reboot"),
        ],
        tags=settings.tagged(name),
    )
    logs = cloudwatch.LogGroup("database", name=f"/aws/rds/instance/{name}/postgresql", retention_in_days=sizes.log_days, kms_key_id=logs_key,
                               tags=settings.tagged(name))
    monitoring = iam.Role("database-monitoring", name=f"{name}-database-monitoring",
                          assume_role_policy=policies.trusts("monitoring.rds.amazonaws.com"), tags=settings.tagged(name))
    attached = iam.RolePolicyAttachment("database-monitoring", role=monitoring.name,
                                        policy_arn="arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole")
    instance = rds.Instance(
        "database",
        identifier=name,
        engine="postgres",
        engine_version=ENGINE,
        instance_class=sizes.database_class,
        allocated_storage=sizes.database_storage[0],
        max_allocated_storage=sizes.database_storage[1],
        storage_type="gp3",
        storage_encrypted=True,
        kms_key_id=key,
        username="administrator",
        manage_master_user_password=True,
        master_user_secret_kms_key_id=key,
        db_subnet_group_name=subnets.name,
        vpc_security_group_ids=[group.id],
        publicly_accessible=False,
        multi_az=sizes.multi_az,
        parameter_group_name=parameters.name,
        ca_cert_identifier="rds-ca-rsa2048-g1",
        backup_retention_period=sizes.backup_days,
        # UTC, before anybody buys anything.
        backup_window="02:00-03:00",
        maintenance_window="tue:03:30-tue:04:30",
        auto_minor_version_upgrade=True,
        copy_tags_to_snapshot=True,
        deletion_protection=sizes.protected,
        skip_final_snapshot=not sizes.protected,
        final_snapshot_identifier=f"{name}-final" if sizes.protected else None,
        delete_automated_backups=not sizes.protected,
        enabled_cloudwatch_logs_exports=["postgresql", "upgrade"],
        performance_insights_enabled=True,
        performance_insights_kms_key_id=key,
        monitoring_interval=60,
        monitoring_role_arn=monitoring.arn,
        tags=settings.tagged(name),
        opts=pulumi.ResourceOptions(depends_on=[logs, attached], protect=sizes.protected),
    )
    passwords = {
        role: pulumi_random.RandomPassword(f"database-{role}", length=40, special=False).result for role in DATABASES.values()
    }
    administrator = instance.master_user_secrets.apply(lambda secrets: secrets[0].secret_arn or "")
    return Database(instance, administrator, passwords)
