"""Every object against the schemas of the oldest and the newest Kubernetes; unknown fields count as errors."""

import jsonschema
import kubernetes_validate

from manifests import NEWEST, OLDEST

# Kinds that come with Istio or with Datadog's Operator and not with Kubernetes: as much of their schema as is used here.
FOREIGN = {
    ("datadoghq.com/v2alpha1", "DatadogAgent"): {
        "type": "object",
        "required": ["global", "features"],
        "additionalProperties": False,
        "properties": {
            "global": {
                "type": "object",
                "required": ["credentials"],
                "additionalProperties": False,
                "properties": {
                    "clusterName": {"type": "string", "minLength": 1},
                    "tags": {"type": "array", "items": {"type": "string", "pattern": "^[a-z_]+:.+$"}},
                    "credentials": {
                        "type": "object",
                        "required": ["apiSecret"],
                        "additionalProperties": False,
                        "properties": {
                            "apiSecret": {
                                "type": "object",
                                "required": ["secretName", "keyName"],
                                "additionalProperties": False,
                                "properties": {"secretName": {"type": "string"}, "keyName": {"type": "string"}},
                            },
                        },
                    },
                },
            },
            "features": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "apm": {"type": "object", "additionalProperties": False, "properties": {"enabled": {"type": "boolean"}}},
                    "usm": {"type": "object", "additionalProperties": False, "properties": {"enabled": {"type": "boolean"}}},
                    "logCollection": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {"enabled": {"type": "boolean"}, "containerCollectAll": {"type": "boolean"}},
                    },
                    "otlp": {
                        "type": "object",
                        "required": ["receiver"],
                        "additionalProperties": False,
                        "properties": {
                            "receiver": {
                                "type": "object",
                                "required": ["protocols"],
                                "additionalProperties": False,
                                "properties": {
                                    "protocols": {
                                        "type": "object",
                                        "additionalProperties": False,
                                        "properties": {
                                            "http": {
                                                "type": "object",
                                                "additionalProperties": False,
                                                "properties": {
                                                    "enabled": {"type": "boolean"},
                                                    "endpoint": {"type": "string"},
                                                    "hostPortConfig": {
                                                        "type": "object",
                                                        "additionalProperties": False,
                                                        "properties": {"enabled": {"type": "boolean"}, "hostPort": {"type": "integer"}},
                                                    },
                                                },
                                            },
                                        },
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
    ("security.istio.io/v1", "PeerAuthentication"): {
        "type": "object",
        "required": ["mtls"],
        "additionalProperties": False,
        "properties": {
            "mtls": {
                "type": "object",
                "required": ["mode"],
                "additionalProperties": False,
                "properties": {"mode": {"enum": ["UNSET", "DISABLE", "PERMISSIVE", "STRICT"]}},
            },
        },
    },
    ("networking.istio.io/v1", "DestinationRule"): {
        "type": "object",
        "required": ["host", "trafficPolicy"],
        "additionalProperties": False,
        "properties": {
            "host": {"type": "string", "minLength": 1},
            "trafficPolicy": {
                "type": "object",
                "required": ["tls"],
                "additionalProperties": False,
                "properties": {
                    "tls": {
                        "type": "object",
                        "required": ["mode"],
                        "additionalProperties": False,
                        "properties": {"mode": {"enum": ["DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"]}},
                    },
                    "connectionPool": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {
                            "http": {
                                "type": "object",
                                "additionalProperties": False,
                                "properties": {"http1MaxPendingRequests": {"type": "integer", "minimum": 1}},
                            },
                        },
                    },
                },
            },
        },
    },
}


def violations(rendered, versions=(OLDEST, NEWEST)):
    for o in rendered.objects:
        what = f"{o['kind']}/{o['metadata']['name']}"
        foreign = FOREIGN.get((o["apiVersion"], o["kind"]))
        if foreign:
            try:
                jsonschema.validate(o["spec"], foreign)
            except jsonschema.ValidationError as error:
                yield f"{what}: {'.'.join(map(str, error.path))}: {error.message}"
            continue
        for version in versions:
            try:
                kubernetes_validate.validate(o, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                yield f"{what} ({version}): {'.'.join(map(str, error.path))}: {error.message}"
            except kubernetes_validate.SchemaNotFoundError:
                yield f"{what} ({version}): Kubernetes {version} has no {o['apiVersion']} {o['kind']}"
