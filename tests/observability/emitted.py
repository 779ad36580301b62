"""What a service shows at /metrics, read with Prometheus' own parsers and held against the registry."""

import re
import subprocess

from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as text_format

import datadog
import prometheus

# Lint that promtool reports and that is so on purpose: the name is OpenTelemetry's, `db.client.connection.count`.
LINT_ON_PURPOSE = ('db_client_connection_count non-histogram and non-summary metrics should not have "_count" suffix',)


class Emitted:
    """The series that one service showed."""

    def __init__(self, service, text):
        self.service = service
        self.series = {}
        self.totals = {}
        for family in text_format(text):
            for sample in family.samples:
                self.series.setdefault(sample.name, []).append(sample.labels)
                self.totals[sample.name] = self.totals.get(sample.name, 0) + sample.value

    def has(self, name):
        return bool(self.series.get(name))

    def values(self, name, label):
        """Of a label, over all series of the name; `service` is whoever emits it."""
        if label == "service":
            return {self.service} if self.has(name) else set()
        return {labels[label] for labels in self.series.get(name, []) if label in labels}


def undeclared(registry, emitted):
    """What a service shows that the registry does not know, or not of this service."""
    found = []
    for name, series in emitted.series.items():
        metric = registry.by_sample.get(name)
        if metric is None:
            found.append(f"{emitted.service} emits {name}, which nothing declares")
            continue
        if metric["name"] not in registry.services.get(emitted.service, set()):
            found.append(f"{emitted.service} emits {name}, which is not in its part of the contract")
        labels = registry.labels(metric) - {"service"}
        for used in sorted({label for item in series for label in item} - labels):
            if used != "otel_metric_overflow":
                found.append(f"{emitted.service} emits {name} with the label {used}, which nothing declares")
        for attribute in metric["attributes"]:
            allowed = attribute.get("values")
            for value in sorted(emitted.values(name, attribute["label"]) - set(allowed or [])) if allowed is not None else []:
                found.append(f"{emitted.service} emits {name} with {attribute['label']}={value!r}, which is none of the declared values")
    return found


def missing(registry, shops, kinds=None, listed=None):
    """What a dashboard, a monitor, an objective or a rule asks for and no service shows. `shops` is all of them, after a representative load."""
    found = []
    for where, name, labels, by, services in _asked(registry, kinds, listed):
        asked = [shop for shop in shops if not services or shop.service in services]
        sources = [shop for shop in asked if shop.has(name)]
        if not sources:
            found.append(f"{where}: nothing emits {name}" + (f" of {', '.join(sorted(services))}" if services else ""))
            continue
        for label in sorted(by):
            if label not in ("le", "service") and not any(shop.values(name, label) for shop in sources):
                found.append(f"{where}: {name} is never emitted with the label {label}")
        for label, value in labels:
            if label == "service":
                continue
            values = {item for shop in sources for item in shop.values(name, label)}
            if not values:
                found.append(f"{where}: {name} is never emitted with the label {label}")
            elif value is not None and not _declared(registry, name, label, value) and not any(value(item) for item in values):
                found.append(f"{where}: {label} of {name} is never what is asked for, but {', '.join(sorted(values)[:8])}")
    return found


def _declared(registry, name, label, value):
    """Whether the registry itself says that the value occurs: it need not have occurred under this load."""
    for attribute in registry.by_sample[name]["attributes"]:
        if attribute["label"] == label:
            return any(value(item) for item in attribute.get("values") or [])
    return False


def _asked(registry, kinds, listed):
    """(where, sample's name, [(label, test of a value or None)], grouping, services) of everything that is asked."""
    kinds = kinds or datadog.documents()
    for where, text in datadog.all_queries(kinds):
        for match in datadog.QUERY.finditer(text):
            metric = registry.by_datadog.get(match["metric"])
            if metric is None:
                continue
            name = metric["prometheus"] + ("_count" if metric["kind"] == "histogram" else "")
            labels, services = [], set()
            for part in filter(None, match["scope"].split(",")):
                if part in ("*", "$env"):
                    continue
                tag, _, value = part.lstrip("!").partition(":")
                label = _label(metric, tag)
                if tag == "service":
                    services.add(value)
                elif part.startswith("!"):
                    labels.append((label, None))
                else:
                    labels.append((label, _datadog_test(value)))
            by = {_label(metric, tag) for tag in (match["by"] or "").split(",") if tag}
            yield where, name, labels, by, services
    for rule in listed if listed is not None else prometheus.rules():
        for name, matchers in prometheus.selectors(rule["expr"]):
            if name not in registry.by_sample:
                continue
            services = {value for label, operator, value in matchers if label == "service" and operator == "="}
            labels = [
                (label, _prometheus_test(operator, value) if operator in ("=", "=~") else None)
                for label, operator, value in matchers if label != "le"
            ]
            yield f"rule {rule.get('alert') or rule['record']}", name, labels, set(), services


def _label(metric, tag):
    return next((attribute["label"] for attribute in metric["attributes"] if attribute["name"] == tag), tag)


def _datadog_test(value):
    from registry import datadog_value

    if value.endswith("*"):
        return lambda item: datadog_value(item).startswith(value[:-1])
    return lambda item: datadog_value(item) == value


def _prometheus_test(operator, value):
    return (lambda item: item == value) if operator == "=" else (lambda item: re.fullmatch(value, item) is not None)


def format_faults(service, text, openmetrics):
    """What promtool and the OpenMetrics parser say of the two formats."""
    result = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    said = [line for line in (result.stdout + result.stderr).splitlines() if line.strip()]
    found = [f"{service}: promtool: {line}" for line in said if not any(known in line for known in LINT_ON_PURPOSE)]
    if result.returncode not in (0, 3):
        found.append(f"{service}: promtool ended with {result.returncode}")
    if openmetrics is not None:
        try:
            families = list(open_metrics(openmetrics))
            if not families:
                found.append(f"{service}: there is nothing in its OpenMetrics")
        except Exception as error:  # noqa: BLE001: whatever it throws, it is no OpenMetrics
            found.append(f"{service}: OpenMetrics: {error}")
    return found
