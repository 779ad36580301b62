"""Every object against the schemas of the oldest and the newest Kubernetes; unknown fields count as errors."""

import jsonschema
import kubernetes_validate

from manifests import NEWEST, OLDEST

# Kinds that come with Istio, External Secrets or Datadog's Operator and not with Kubernetes: as much of their schema as is used here.
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
    ("external-secrets.io/v1", "SecretStore"): {
        "type": "object",
        "required": ["provider"],
        "additionalProperties": False,
        "properties": {
            "provider": {
                "type": "object",
                "required": ["aws"],
                "additionalProperties": False,
                "properties": {
                    "aws": {
                        "type": "object",
                        "required": ["service", "region"],
                        "additionalProperties": False,
                        "properties": {"service": {"enum": ["SecretsManager", "ParameterStore"]}, "region": {"pattern": "^[a-z]{2}-[a-z]+-[0-9]$"}},
                    },
                },
            },
        },
    },
    ("external-secrets.io/v1", "ExternalSecret"): {
        "type": "object",
        "required": ["secretStoreRef", "target", "data"],
        "additionalProperties": False,
        "properties": {
            "refreshInterval": {"type": "string", "pattern": "^[0-9]+(s|m|h)$"},
            "secretStoreRef": {
                "type": "object",
                "required": ["kind", "name"],
                "additionalProperties": False,
                "properties": {"kind": {"enum": ["SecretStore", "ClusterSecretStore"]}, "name": {"type": "string", "minLength": 1}},
            },
            "target": {
                "type": "object",
                "required": ["name"],
                "additionalProperties": False,
                "properties": {"name": {"type": "string", "minLength": 1}, "creationPolicy": {"enum": ["Owner", "Orphan", "Merge", "None"]}},
            },
            "data": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["secretKey", "remoteRef"],
                    "additionalProperties": False,
                    "properties": {
                        "secretKey": {"type": "string", "minLength": 1},
                        "remoteRef": {
                            "type": "object",
                            "required": ["key"],
                            "additionalProperties": False,
                            # The property is a path in JSON: a dot in it would look into what is not there.
                            "properties": {"key": {"type": "string", "minLength": 1}, "property": {"type": "string", "pattern": "^[a-z_]+$"}},
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
