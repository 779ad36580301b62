"""The shop's name: its certificate, proven by a record, and the record that leads to the load balancer once there is one."""

from __future__ import annotations

import pulumi
from pulumi_aws import acm, lb, route53

from .settings import Settings


def zone_id(settings: Settings) -> pulumi.Output[str]:
    return route53.get_zone_output(name=settings.hosted_zone, private_zone=False).zone_id


def certificate(settings: Settings) -> pulumi.Output[str]:
    """The ARN of a certificate that is valid: whoever uses it waits until it is."""
    made = acm.Certificate("certificate", domain_name=settings.host_name, validation_method="DNS", key_algorithm="EC_prime256v1",
                           tags=settings.tagged(settings.host_name), opts=pulumi.ResourceOptions(delete_before_replace=False))
    option = made.domain_validation_options.apply(lambda options: options[0])
    proof = route53.Record(
        "certificate", zone_id=zone_id(settings), ttl=300, allow_overwrite=True,
        name=option.apply(lambda o: o.resource_record_name or ""), type=option.apply(lambda o: o.resource_record_type or ""),
        records=[option.apply(lambda o: o.resource_record_value or "")],
    )
    return acm.CertificateValidation("certificate", certificate_arn=made.arn, validation_record_fqdns=[proof.fqdn]).certificate_arn


def address(settings: Settings, load_balancer: pulumi.Input[str]) -> route53.Record:
    """Leads the shop's name to the load balancer, by its own name."""
    return route53.Record(
        "address", zone_id=zone_id(settings), name=settings.host_name, type="A",
        aliases=[route53.RecordAliasArgs(name=load_balancer, zone_id=lb.get_hosted_zone_id_output(region=settings.region).id,
                                         evaluate_target_health=True)],
    )
