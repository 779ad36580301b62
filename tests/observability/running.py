"""Against a running shop: three services as real processes, a real Prometheus, visitors.

- Each alert that claims to have been seen in a running system fires under its fault, and recovers when the fault has ended.
- Both formats of /metrics are read by Prometheus' own parsers.
- Each main journey is one connected trace, with the edges of the contract.
- Each metric that is emitted is declared; each that a dashboard, a monitor, an objective or a rule asks for is emitted.

The rules are those that are committed, with windows of seconds (`hello-dd observability render --rules`); nothing else differs.
"""

import contextlib
import gzip
import os
import sys
import threading
import time

import datadog
import emitted
import journeys
from registry import Registry, datadog_name
from shop import Collector, Prometheus, Shop, Visitors

# How long a busy machine may take to show what comes within some ten seconds on a quiet one, in seconds.
PATIENCE = int(os.environ.get("OBSERVABILITY_PATIENCE", "120"))

CONFIRM = "POST /api/v1/reservations/{id}/confirm"


def experiments(shop, collector):
    """(what is done, [alerts that it must make fire], a context that does it)"""

    @contextlib.contextmanager
    def without_collector():
        collector.stop()
        try:
            yield
        finally:
            collector.start()

    @contextlib.contextmanager
    def locked():
        with shop.locked("gateway.sqlite"), shop.locked("inventory.sqlite"), shop.locked("pricing.sqlite"), hurried(shop):
            yield

    levels = [f"{name}Burn{speed}" for name in ("GatewayAvailability", "OrderAvailability") for speed in ("Fast", "Steady", "Slow")]
    return [
        ("an error at inventory-service, every request", ["ServiceErrors", "UpstreamFailing", "FaultActive"], shop.fault("inventory", "error")),
        ("an error at the gateway, every request", levels, shop.fault("gateway", "error", "--status", "500")),
        # At the gateway itself: before a slow service behind it the breaker opens, and views come at once with the last known price.
        (
            "latency at the gateway, one second, every request",
            ["ServiceSlow"] + [f"ProductViewLatencyBurn{speed}" for speed in ("Fast", "Steady", "Slow")],
            shop.fault("gateway", "latency", "--latency", "1s"),
        ),
        ("an error at inventory-service when a reservation is confirmed", ["OrdersUndone"], shop.fault("inventory", "error", "--route", CONFIRM)),
        ("the databases are locked by another process, again and again", ["DatabaseSlow"], locked()),
        ("pricing-service is stopped and continued, again and again", ["EventLoopBlocked"], shop.stuttering("pricing-service")),
        ("there is no collector", ["TelemetryLost"], without_collector()),
        ("pricing-service is stopped", ["PricingServiceGone"], shop.stopped("pricing-service")),
        ("inventory-service is stopped", ["InventoryServiceGone"], shop.stopped("inventory-service")),
        ("api-gateway is stopped", ["ApiGatewayGone"], shop.stopped("api-gateway")),
    ]


@contextlib.contextmanager
def hurried(shop):
    """Visitors who do not wait for long, so that statements are broken off."""
    over = threading.Event()
    order = {"lines": [{"productId": "LAPTOP-001", "quantity": 1}], "currency": "USD", "taxRegion": "US-CA", "paymentMethod": "card_approve"}
    quote = {key: order[key] for key in ("lines", "currency", "taxRegion")}

    def hurry():
        while not over.is_set():
            shop.call("POST", "/api/v1/products/LAPTOP-001/stock/adjustments", {"delta": 1, "reason": "receipt"}, "operator", milliseconds=60)
            shop.call("POST", "/api/v1/quotes", quote, milliseconds=60)
            shop.call("POST", "/api/v1/orders", order, "shopper", milliseconds=60)
            over.wait(0.05)

    thread = threading.Thread(target=hurry)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def wait(condition, patience=PATIENCE):
    """How long it took in seconds; None if it never came."""
    begun = time.monotonic()
    while time.monotonic() - begun < patience:
        if condition():
            return time.monotonic() - begun
        time.sleep(0.25)
    return None


def alerts(registry, shop, collector, monitor):
    """Faults found while the alerts were made to come and go."""
    found = []
    due = {name for name, alert in registry.alerts.items() if alert["proof"]["kind"] == "running"}
    if wait(lambda: monitor.query("http_server_request_duration_seconds_count") and not monitor.firing()) is None:
        found.append(f"an alert fires although nothing is wrong: {sorted(monitor.firing())}")
    # Quiet for a while, not for a moment.
    time.sleep(5)
    if monitor.firing():
        found.append(f"an alert fires although nothing is wrong: {sorted(monitor.firing())}")
    for what, names, context in experiments(shop, collector):
        print(f"--> {what}", flush=True)
        seen = {}

        def all_fire(names=names, seen=seen):
            for name in monitor.firing():
                if name in names:
                    seen.setdefault(name, time.monotonic())
            return len(seen) == len(names)

        begun = time.monotonic()
        with context:
            wait(all_fire)
        for name in names:
            if name not in seen:
                found.append(f"{name} does not fire while {what}")
            else:
                due.discard(name)
        ended = time.monotonic()
        still = set(names) & set(seen)
        over = {}

        def all_over(still=still, over=over):
            firing = monitor.firing()
            for name in still:
                if name not in firing:
                    over.setdefault(name, time.monotonic())
                else:
                    over.pop(name, None)
            return not firing

        if wait(all_over) is None:
            found.append(f"after it is over that {what}, this still fires: {sorted(monitor.firing())}")
        for name in sorted(still & set(over)):
            print(f"    {name}: fired after {seen[name] - begun:.1f} s, recovered after {over[name] - ended:.1f} s", flush=True)
    found += [f"{name} is said to have been seen in a running system, and was not" for name in sorted(due)]
    return found


def names(registry, shop, collector):
    """What of the running system's names and formats is not as declared, or not as asked for."""
    found = []
    shops = []
    for service in shop.ports:
        text = shop.text(service)
        openmetrics = shop.text(service, accept="application/openmetrics-text; version=1.0.0")
        found += emitted.format_faults(service, text, openmetrics)
        shops.append(emitted.Emitted(service, text))
        found += emitted.undeclared(registry, shops[-1])
    found += emitted.missing(registry, shops)
    return found + exported(registry, collector, shops)


def exported(registry, collector, shops):
    """The same of what went out by OTLP, under the names that it has in Datadog. A counter that counted nothing has no delta to send."""
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    found, seen = [], set()
    for encoding, body in collector.bodies:
        request = ExportMetricsServiceRequest.FromString(gzip.decompress(body) if encoding == "gzip" else body)
        for resource in request.resource_metrics:
            attributes = {item.key for item in resource.resource.attributes}
            for needed in ("service.name", "service.version", "deployment.environment.name"):
                if needed not in attributes:
                    found.append(f"OTLP: a resource has no {needed}")
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    seen.add(metric.name)
                    declared = registry.metrics.get(metric.name)
                    if declared is None:
                        found.append(f"OTLP: {metric.name} is sent, and nothing declares it")
                        continue
                    if metric.unit != declared["unit"]:
                        found.append(f"OTLP: {metric.name} has the unit {metric.unit!r}, declared is {declared['unit']!r}")
                    kind = metric.WhichOneof("data")
                    expected = {"histogram": "histogram", "counter": "sum", "upDownCounter": "sum", "gauge": "gauge"}[declared["kind"]]
                    if kind != expected:
                        found.append(f"OTLP: {metric.name} is sent as {kind}, which is no {declared['kind']}")
                    delta = kind in ("sum", "histogram") and getattr(metric, kind).aggregation_temporality == 1
                    if declared["kind"] in ("counter", "histogram") and not delta:
                        found.append(f"OTLP: {metric.name} is cumulative: Datadog's Agent wants deltas")
                    points = getattr(metric, kind).data_points
                    known = {attribute["name"] for attribute in declared["attributes"]} | {"otel.metric.overflow"}
                    for point in points:
                        found += [f"OTLP: {metric.name} has the attribute {item.key}" for item in point.attributes if item.key not in known]
    if not seen:
        found.append("OTLP: no metrics arrived at the collector")
    asked = {match["metric"] for _, text in datadog.all_queries(datadog.documents()) for match in datadog.QUERY.finditer(text)}
    arrived = {datadog_name(name) for name in seen}
    arrived |= {
        metric["datadog"] for metric in registry.metrics.values()
        if metric["kind"] == "counter" and not any(shop.totals.get(metric["prometheus"]) for shop in shops)
    }
    found += [f"{name} is asked for in Datadog and never arrived by OTLP" for name in sorted(asked - arrived)]
    return sorted(set(found))


def main():
    registry = Registry()
    collector = Collector()
    collector.start()
    faults = []
    shop = Shop(collector)
    try:
        monitor = Prometheus(shop)
        try:
            visitors = Visitors(shop)
            try:
                faults += alerts(registry, shop, collector, monitor)
            finally:
                visitors.stop()
            # What the alerts' visitors did not do: an order that is cancelled, a quote, the operator's pages.
            shop.command("demo")
            with shop.fault("pricing", "error"):
                shop.call("GET", "/api/v1/products/LAPTOP-001")
            time.sleep(2)
            faults += names(registry, shop, collector)
            print("--> the journeys", flush=True)
            faults += journeys.faults(registry, shop, collector)
        finally:
            monitor.close()
    finally:
        shop.close()
        collector.stop()
    for fault in faults:
        print(fault)
    if not faults:
        print("every alert came and went; everything emitted is declared, everything asked for is emitted; each journey is one trace")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
