"""What is generated for Datadog, held against Datadog's own models and against the names that the services' metrics have there."""

import json
import re

from datadog_api_client.configuration import Configuration
from datadog_api_client.model_utils import ModelNormal, OpenApiModel, UnparsedObject, validate_and_convert_types
from datadog_api_client.v1.model.dashboard import Dashboard
from datadog_api_client.v1.model.metric_metadata import MetricMetadata
from datadog_api_client.v1.model.monitor import Monitor
from datadog_api_client.v1.model.service_level_objective_request import ServiceLevelObjectiveRequest
from datadog_api_client.v2.model.metric_tag_configuration_create_request import MetricTagConfigurationCreateRequest

from registry import AGENT_DERIVED, FOLDER, datadog_type, datadog_value

MODELS = {"dashboards": Dashboard, "monitors": Monitor, "objectives": ServiceLevelObjectiveRequest}


def documents(folder=FOLDER / "datadog"):
    """{kind: {file's name: document}}"""
    return {
        kind: {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted((folder / kind).glob("*.json"))} for kind in MODELS
    }


# --- the models ---------------------------------------------------------------------------------------------------------


def model_faults(document, model):
    """What the model does not take: a wrong type, an unknown value of an enumeration, a missing or an unknown property."""
    try:
        parsed = validate_and_convert_types(document, (model,), [model.__name__], True, True, Configuration())
    except Exception as error:  # noqa: BLE001: whatever it throws, it did not take it
        return [f"{model.__name__}: {str(error).splitlines()[0]}"]
    return list(_unparsed(parsed, model.__name__))


def _unparsed(value, path):
    if isinstance(value, UnparsedObject):
        yield f"{path}: is nothing that the model knows"
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _unparsed(item, f"{path}[{index}]")
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _unparsed(item, f"{path}.{name}")
    elif isinstance(value, OpenApiModel):
        if getattr(value, "_unparsed", False):
            yield f"{path}: is nothing that the model knows"
        if isinstance(value, ModelNormal):
            for name, item in value._data_store.items():
                if name not in value.attribute_map:
                    yield f"{path}.{name}: is no property"
                yield from _unparsed(item, f"{path}.{name}")


# --- queries ------------------------------------------------------------------------------------------------------------

QUERY = re.compile(
    r"(?P<aggregation>count\(v: v<=(?P<bound>[0-9.]+)\)|[a-z][a-z0-9.]*):(?P<metric>[a-zA-Z][\w.]*)\{(?P<scope>[^}]*)\}"
    r"(?: by \{(?P<by>[^}]+)\})?(?:\.as_(?P<as>count|rate)\(\))?"
)
WINDOW = re.compile(r"^(?P<time>sum|max|avg|percentile)\(last_(?P<window>\d+[mhd])\):")
AGGREGATIONS = {
    "count": {"sum"},
    "gauge": {"max", "min", "avg", "sum"},
    "distribution": {"count", "sum", "avg", "min", "max"},
}


def query_faults(text, registry, where, remainder=r"\s*(?:/\s*)?"):
    """What of a query's names does not exist, or is not asked as its type allows. Nothing of the text may be left over."""
    faults = []
    rest = QUERY.sub("", text)
    if not re.fullmatch(remainder, rest):
        faults.append(f"{where}: cannot be read: {rest!r} is left of {text!r}")
    found = list(QUERY.finditer(text))
    if not found:
        faults.append(f"{where}: asks for no metric: {text!r}")
    for match in found:
        faults += [f"{where}: {fault}" for fault in _match_faults(match, registry)]
    return faults


def _match_faults(match, registry):
    name = match["metric"]
    if name in AGENT_DERIVED:
        kind, metric = AGENT_DERIVED[name], None
    else:
        metric = registry.by_datadog.get(name)
        if metric is None:
            yield f"no service emits {name}"
            return
        kind = datadog_type(metric["kind"])
    aggregation = "count" if match["bound"] else match["aggregation"]
    if match["bound"] and kind != "distribution":
        yield f"{name} is a {kind}: its values cannot be counted up to a bound"
    is_percentile = re.fullmatch(r"p\d+(\.\d+)?", aggregation)
    if is_percentile and kind != "distribution" or not is_percentile and aggregation not in AGGREGATIONS[kind]:
        yield f"{name} is a {kind} and cannot be asked for its {aggregation}"
    if (match["as"] is not None) != (kind == "count" or kind == "distribution" and aggregation == "count"):
        yield f"{name} is a {kind}: as_count() or as_rate() belongs to counts, and to nothing else"
    if metric is None:
        return
    for part in filter(None, match["scope"].split(",")):
        if part in ("*", "$env"):
            continue
        tag, _, value = part.lstrip("!").partition(":")
        if tag not in registry.tags(metric):
            yield f"{name} has no tag {tag}"
            continue
        if datadog_value(value.rstrip("*")) != value.rstrip("*"):
            yield f"{tag}:{value} is no tag's value as Datadog keeps it: {datadog_value(value)}"
        known = registry.values(metric, tag)
        if known is not None and not value.endswith("*") and value not in {datadog_value(item) for item in known}:
            yield f"{tag} of {name} is never {value}"
    for tag in filter(None, (match["by"] or "").split(",")):
        if tag not in registry.tags(metric):
            yield f"{name} has no tag {tag}"


def all_queries(kinds):
    """(where, text) of each query in the documents."""
    for name, document in kinds["dashboards"].items():
        for group in document["widgets"]:
            for widget in group["definition"]["widgets"]:
                for request in widget["definition"]["requests"]:
                    for query in request["queries"]:
                        yield f"dashboard {name}, {widget['definition']['title']!r}", query["query"]
    for name, document in kinds["monitors"].items():
        if document["type"] != "slo alert":
            yield f"monitor {name}", WINDOW.sub("", document["query"])
    for name, document in kinds["objectives"].items():
        for part in ("numerator", "denominator"):
            yield f"objective {name}, {part}", document["query"][part]


def faults(registry, kinds=None, metrics=None):
    """Everything wrong with what is generated for Datadog."""
    kinds = kinds or documents()
    metrics = metrics if metrics is not None else json.loads((FOLDER / "datadog" / "metrics.json").read_text(encoding="utf-8"))
    found = []
    for kind, model in MODELS.items():
        for name, document in kinds[kind].items():
            found += [f"{kind}/{name}: {fault}" for fault in model_faults(document, model)]
    for where, text in all_queries(kinds):
        ending = r"\s*(?:/\s*)?(?:[<>] -?[0-9.]+)?" if where.startswith("monitor") else r"\s*(?:/\s*)?"
        found += query_faults(text, registry, where, ending)
    for name, document in kinds["monitors"].items():
        found += [f"monitor {name}: {fault}" for fault in monitor_faults(document, kinds["objectives"])]
    found += metric_faults(registry, metrics, {text for _, text in all_queries(kinds)})
    for dashboard in kinds["dashboards"].values():
        for group in dashboard["widgets"]:
            for widget in group["definition"]["widgets"]:
                for request in widget["definition"]["requests"]:
                    names = {query["name"] for query in request["queries"]}
                    used = {word for formula in request["formulas"] for word in re.findall(r"[a-z]\w*", formula["formula"])}
                    if names != used:
                        found.append(f"{widget['definition']['title']!r}: its formula uses {sorted(used)} of {sorted(names)}")
    return found


def monitor_faults(document, objectives):
    options = document["options"]
    if document["type"] == "slo alert":
        match = re.fullmatch(
            r'burn_rate\("\$\{slo:(\w+)\}"\)\.over\("30d"\)\.long_window\("(\d+)h"\)\.short_window\("\d+[mh]"\) > ([0-9.]+)', document["query"])
        if not match:
            yield "its query is no burn rate"
        elif match[1] not in objectives:
            yield f"there is no objective {match[1]}"
        else:
            target = objectives[match[1]]["thresholds"][0]["target"] / 100
            if not 1 <= int(match[2]) <= 48:
                yield "the long window must be from 1 to 48 hours"
            if not 0 < float(match[3]) <= 1 / (1 - target):
                yield "a rate that can never be reached"
            if float(match[3]) != options["thresholds"]["critical"]:
                yield "query and threshold differ"
        return
    if not WINDOW.match(document["query"]):
        yield f"its query has no window: {document['query']}"
    bound = float(re.search(r"[<>] (-?[0-9.]+)$", document["query"])[1])
    thresholds = options["thresholds"]
    if bound != thresholds["critical"]:
        yield "query and threshold differ"
    if thresholds.get("critical_recovery", bound) > bound:
        yield "it recovers above where it fires"
    if bound > 0 and "critical_recovery" not in thresholds:
        yield "it has no bound at which it recovers"
    if not isinstance(options.get("notify_no_data"), bool):
        yield "it does not say what missing data mean"
    if options.get("notify_no_data") and not options.get("no_data_timeframe"):
        yield "it does not say for how long data may be missing"
    if "docs/operations/" not in document["message"]:
        yield "its message names no runbook"


def metric_faults(registry, metrics, texts):
    """What is told to Datadog of the metrics: each of them, and percentiles wherever a query needs them."""
    told = {entry["name"]: entry for entry in metrics}
    for name in sorted(set(registry.by_datadog) ^ set(told)):
        yield f"metrics.json: {name} is told or declared, not both"
    for name, entry in told.items():
        for fault in model_faults(entry["metadata"], MetricMetadata):
            yield f"metrics.json, {name}: {fault}"
        if "tags" in entry:
            for fault in model_faults(entry["tags"], MetricTagConfigurationCreateRequest):
                yield f"metrics.json, {name}: {fault}"
    for text in texts:
        for match in QUERY.finditer(text):
            needs = match["bound"] or re.fullmatch(r"p\d+(\.\d+)?", match["aggregation"])
            entry = told.get(match["metric"], {})
            if needs and not entry.get("tags", {}).get("data", {}).get("attributes", {}).get("include_percentiles"):
                yield f"metrics.json: {match['metric']} is asked for percentiles, and they are not switched on"
