"""The registry of metrics (observability/registry.json), and Datadog's naming once more, independently of the Swift that renders with it."""

import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "observability"

# Made by the Agent of spans; nothing here emits them, and a query may name them. The list is explicit on purpose.
AGENT_DERIVED = {
    "trace.http.server.request.hits": "count",
    "trace.http.server.request.errors": "count",
    "trace.http.server.request": "distribution",
}


class Registry:
    """What is declared, by each of its three names."""

    def __init__(self, document=None):
        document = document or json.loads((FOLDER / "registry.json").read_text(encoding="utf-8"))
        self.document = document
        self.metrics = {metric["name"]: metric for metric in document["metrics"]}
        self.by_datadog = {datadog_name(name): metric for name, metric in self.metrics.items()}
        self.resource_tags = set(document["resourceTags"])
        self.alerts = {alert["name"]: alert for alert in document["alerts"]}
        self.services = {service["name"]: set(service["metrics"]) for service in document["services"]}
        self.by_sample = {}
        for metric in self.metrics.values():
            for name in sample_names(metric):
                self.by_sample[name] = metric

    def tags(self, metric):
        return {attribute["name"] for attribute in metric["attributes"]} | self.resource_tags

    def labels(self, metric):
        """Of its samples at Prometheus; `service` is put there by whoever scrapes."""
        labels = {attribute["label"] for attribute in metric["attributes"]} | {"service"}
        return labels | {"le"} if metric["kind"] == "histogram" else labels

    def values(self, metric, attribute):
        """All that the attribute can be; None where only the running system knows."""
        for declared in metric["attributes"]:
            if declared["name"] == attribute:
                return declared.get("values")
        return sorted(self.services) if attribute == "service" else None


def datadog_name(name):
    """Datadog's documentation, "OpenTelemetry Metrics Mapping", "Use of the otel prefix"."""
    return f"otel.{name}" if name.startswith(("process.", "system.")) else name


def datadog_type(kind):
    """Datadog's documentation, "OTLP Metrics Types", for delta sums and histograms in the mode `distributions`."""
    return {"counter": "count", "upDownCounter": "gauge", "gauge": "gauge", "histogram": "distribution"}[kind]


def datadog_value(text):
    """Datadog's documentation, "Getting Started with Tags": what a tag's value becomes."""
    return re.sub(r"_+", "_", re.sub(r"[^\w:./-]", "_", text.lower())).rstrip("_")[:200]


def sample_names(metric):
    name = metric["prometheus"]
    return [f"{name}_bucket", f"{name}_sum", f"{name}_count"] if metric["kind"] == "histogram" else [name]
