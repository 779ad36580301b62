"""Prometheus' rules, held against the names that the services' metrics have at /metrics, and against the monitors that say the same."""

import re

import yaml

from registry import FOLDER, datadog_name

KEYWORDS = {
    "sum", "max", "by", "increase", "rate", "histogram_quantile", "absent_over_time", "vector", "or", "and", "on", "le",
}
# Prometheus' own.
OWN = {"ALERTS": {"alertname", "alertstate"}}
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
SELECTOR = re.compile(r"(?P<name>[a-zA-Z_][\w:]*)(?:\{(?P<matchers>[^}]*)\})?")
MATCHER = re.compile(r"(?P<label>[a-zA-Z_]\w*)\s*(?P<operator>=~|!~|!=|=)\s*(?P<value>\"(?:[^\"\\]|\\.)*\")")


def rules(folder=FOLDER / "prometheus"):
    """[rule] of both files."""
    found = []
    for name in ("service-levels.yml", "alerts.yml"):
        for group in yaml.safe_load((folder / name).read_text(encoding="utf-8"))["groups"]:
            found += group["rules"]
    return found


def selectors(expression):
    """(metric, [(label, operator, value)]) of each series that the expression names."""
    text = re.sub(r"\b(?:by|on) \([^)]*\)", " ", expression)
    text = re.sub(r"\[[0-9a-z]+\]", " ", text)
    found = []
    for match in re.finditer(r'(?P<name>[a-zA-Z_][\w:]*)(?P<matchers>\{(?:"(?:[^"\\]|\\.)*"|[^}"])*\})?', text):
        if match["name"] in KEYWORDS and match["matchers"] is None:
            continue
        matchers = [(m["label"], m["operator"], m["value"][1:-1].replace('\\"', '"').replace("\\\\", "\\")) for m in MATCHER.finditer(match["matchers"] or "")]
        found.append((match["name"], matchers))
    return found


def groupings(expression):
    return [label.strip() for match in re.finditer(r"\b(?:by|on) \(([^)]*)\)", expression) for label in match[1].split(",") if label.strip()]


def faults(registry, listed=None):
    """What of the rules' names does not exist."""
    listed = listed if listed is not None else rules()
    recorded = {rule["record"] for rule in listed if "record" in rule}
    found = []
    for rule in listed:
        where = f"rule {rule.get('alert') or rule['record']}"
        known = {"le", "service", "slo", "alertname", "alertstate"}
        for name, matchers in selectors(rule["expr"]):
            if name in OWN or name in recorded:
                allowed = OWN.get(name, {"slo", "service"})
                for label, _, _ in matchers:
                    if label not in allowed:
                        found.append(f"{where}: {name} has no label {label}")
                continue
            metric = registry.by_sample.get(name)
            if metric is None:
                found.append(f"{where}: no service emits {name}")
                continue
            labels = registry.labels(metric)
            known |= labels
            for label, operator, value in matchers:
                if label not in labels:
                    found.append(f"{where}: {name} has no label {label}")
                    continue
                attribute = next((a["name"] for a in metric["attributes"] if a["label"] == label), label)
                values = registry.values(metric, attribute)
                if operator == "=" and values is not None and value not in values:
                    found.append(f"{where}: {label} of {name} is never {value}")
        for label in groupings(rule["expr"]):
            if label not in known:
                found.append(f"{where}: nothing in it has the label {label}")
        if "alert" in rule and not rule["annotations"].get("runbook"):
            found.append(f"{where}: names no runbook")
    return found


def differences(registry, monitors, listed=None):
    """Monitors and rules that do not ask for the same metrics, grouped by the same attributes, against the same bounds."""
    import datadog

    listed = listed if listed is not None else rules()
    alerts = {rule["alert"]: rule for rule in listed if "alert" in rule}
    found = [f"{name}: there is a monitor or a rule, not both" for name in sorted(set(monitors) ^ set(alerts))]
    for name in sorted(set(monitors) & set(alerts)):
        document, rule = monitors[name], alerts[name]
        if document["type"] == "slo alert":
            level = re.search(r"\$\{slo:(\w+)\}", document["query"])[1]
            windows = re.findall(r'_window\("(\w+)"\)', document["query"])
            if [f"slo:error_ratio:{window}" for window in windows] != [series for series, _ in selectors(rule["expr"])] or f'slo="{level}"' not in rule["expr"]:
                found.append(f"{name}: the monitor's windows or objective are not the rule's")
            continue
        asked = {match["metric"] for match in datadog.QUERY.finditer(document["query"])}
        series = {datadog_name(registry.by_sample[item]["name"]) for item, _ in selectors(rule["expr"]) if item in registry.by_sample}
        if asked != series:
            found.append(f"{name}: the monitor asks for {sorted(asked)}, the rule for {sorted(series)}")
        grouped = {tag for match in datadog.QUERY.finditer(document["query"]) for tag in (match["by"] or "").split(",") if tag}
        labels = {label for label in groupings(rule["expr"])} - {"le"}
        if {re.sub(r"\W", "_", tag) for tag in grouped} != labels:
            found.append(f"{name}: the monitor groups by {sorted(grouped)}, the rule by {sorted(labels)}")
        window = datadog.WINDOW.match(document["query"])["window"]
        if any(length != window for length in re.findall(r"\[([0-9a-z]+)\]", rule["expr"])):
            found.append(f"{name}: the windows differ")
        critical = document["options"]["thresholds"]["critical"]
        if not document["options"]["notify_no_data"] and f"> {critical:g}" not in rule["expr"]:
            found.append(f"{name}: the bounds differ")
    return found
