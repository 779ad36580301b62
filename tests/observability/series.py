"""Alerts on synthetic series, in Prometheus' own `promtool test rules`: each stays quiet, fires and recovers where it should.

The rules are the committed ones, with their real windows. A step is fifteen seconds.
"""

import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import yaml

import prometheus
from registry import FOLDER

STEP = 15


def grows(*phases):
    """Values of a counter: `grows((20, 0), (40, 15))` stands still for 20 steps, then grows by 15 a step for 40."""
    values, value = [], 0
    for steps, increment in phases:
        for _ in range(steps):
            values.append(value)
            value += increment
    return " ".join(str(item) for item in values)


def stays(*phases):
    """Values of a gauge; None: the series is not there."""
    return " ".join("_" if value is None else str(value) for steps, value in phases for _ in range(steps))


def server(service, status, values, route="/api/v1/products", method="GET"):
    labels = f'service="{service}",http_request_method="{method}",http_route="{route}",http_response_status_code="{status}"'
    return [(f"http_server_request_duration_seconds_count{{{labels}}}", values)]


def buckets(metric, labels, fast, slow, bounds):
    """A histogram whose values are all in the first of the bounds or all beyond the last but +Inf, growing as told."""
    total = [a + b for a, b in zip(map(int, fast.split()), map(int, slow.split()))]
    series = [(f'{metric}_bucket{{{labels},le="{bound}"}}', fast) for bound in bounds]
    text = " ".join(map(str, total))
    return series + [(f'{metric}_bucket{{{labels},le="+Inf"}}', text), (f"{metric}_count{{{labels}}}", text)]


@dataclass
class Case:
    """One alert's life: minutes at which it is quiet, and at which it fires with these labels."""

    alert: str
    title: str
    series: list
    labels: dict = field(default_factory=dict)
    quiet: tuple = ()
    firing: tuple = ()


VIEW = 'service="api-gateway",http_route="/api/v1/products/{id}",http_request_method="GET",http_response_status_code="200"'
BAD = ((20, 0), (40, 20), (80, 0))
GOOD = ((140, 80),)

CASES = [
    Case(
        "ServiceErrors", "a fifth of the answers is a 5xx for ten minutes", server("a", 200, grows(*GOOD)) + server("a", 503, grows(*BAD)),
        {"service": "a"}, quiet=(4, 22), firing=(12, 14)),
    Case(
        "ServiceErrors", "it stays until the share has come down to 2 %, and 3 % alone do not start it",
        server("a", 200, grows(*GOOD)) + server("a", 500, grows((20, 0), (40, 20), (80, 2.5))) + server("b", 200, grows(*GOOD))
        + server("b", 500, grows((20, 0), (120, 2.5))),
        {"service": "a"}, quiet=(4,), firing=(12, 25, 30)),
    Case(
        "ServiceErrors", "health that is not ready is no error of the service's",
        server("a", 200, grows(*GOOD)) + server("a", 503, grows((140, 50)), route="/health/ready"), quiet=(10, 20, 30)),
    Case(
        "ServiceSlow", "a tenth takes more than a second",
        buckets(
            "http_server_request_duration_seconds", 'service="a",http_route="/x"', grows(*GOOD), grows((20, 0), (40, 20), (80, 0)),
            [0.05, 0.1, 0.25, 0.5, 1]),
        {"service": "a"}, quiet=(4, 22), firing=(12,)),
    Case(
        "UpstreamFailing", "no answer at all counts as none that can be used; a 404 can be, and a call that was given up says nothing",
        [
            ('http_client_request_duration_seconds_count{service="a",upstream="u",http_response_status_code="200"}', grows(*GOOD)),
            ('http_client_request_duration_seconds_count{service="a",upstream="u",error_type="timeout"}', grows(*BAD)),
            ('http_client_request_duration_seconds_count{service="a",upstream="v",http_response_status_code="404"}', grows(*GOOD)),
            ('http_client_request_duration_seconds_count{service="a",upstream="v",error_type="cancelled"}', grows(*GOOD)),
        ],
        {"service": "a", "upstream": "u"}, quiet=(4, 22), firing=(12,)),
    Case("FaultActive", "one is set, and ends", [('fault_active{service="a"}', stays((20, 0), (40, 1), (40, 0)))], {"service": "a"},
         quiet=(4, 17), firing=(8, 14)),
    Case(
        "DatabaseSlow", "a tenth of the statements takes half a second",
        buckets("db_client_operation_duration_seconds", 'service="a"', grows(*GOOD), grows(*BAD), [0.001, 0.01, 0.05, 0.1, 0.5]),
        {"service": "a"}, quiet=(4, 22), firing=(12,)),
    Case(
        "DatabaseErrors", "a fifth of the statements fails",
        [
            ('db_client_operation_duration_seconds_count{service="a",db_system_name="sqlite"}', grows(*GOOD)),
            ('db_client_operation_duration_seconds_count{service="a",db_system_name="sqlite",error_type="busy"}', grows(*BAD)),
        ],
        {"service": "a"}, quiet=(4, 22), firing=(12,)),
    Case(
        "DatabaseErrors", "Redis that fails is no database that does",
        [
            ('db_client_operation_duration_seconds_count{service="a",db_system_name="sqlite"}', grows(*GOOD)),
            ('db_client_operation_duration_seconds_count{service="a",db_system_name="redis",error_type="unavailable"}', grows(*GOOD)),
        ],
        quiet=(4, 12, 22)),
    Case("CacheDeaf", "the connection that hears is away for ten minutes", [('cache_deaf_ratio{service="a",cache_name="prices"}', stays((20, 0), (40, 1), (40, 0)))],
         {"service": "a"}, quiet=(4, 22), firing=(12, 14)),
    *(
        Case(
            f"{name}Gone", "the last replica goes, and one comes back",
            [(f'process_start_time_seconds{{service="{service}"}}', stays((20, 1e9), (60, None), (60, 1.1e9)))],
            {"service": service}, quiet=(4, 22), firing=(14,))
        for name, service in (("ApiGateway", "api-gateway"), ("InventoryService", "inventory-service"), ("PricingService", "pricing-service"))
    ),
    Case(
        "EventLoopBlocked", "a twentieth of the timers is late by more than a second",
        buckets("runtime_event_loop_lag_seconds", 'service="a"', grows(*GOOD), grows((20, 0), (40, 5), (80, 0)), [0.01, 0.1, 0.25, 1]),
        {"service": "a"}, quiet=(4, 22), firing=(12,)),
    Case(
        "OrdersNeedAttention", "one order", [
            ('shop_orders_total{service="api-gateway",outcome="confirmed"}', grows(*GOOD)),
            ('shop_orders_total{service="api-gateway",outcome="needs_attention"}', grows((20, 0), (1, 1), (119, 0))),
        ], quiet=(4, 30), firing=(8, 18)),
    Case(
        "OrdersUndone", "a tenth is undone; that many are declined by their bank is no fault of ours",
        [
            ('shop_orders_total{service="api-gateway",outcome="confirmed"}', grows((200, 10))),
            ('shop_orders_total{service="api-gateway",outcome="rejected",reason="payment_declined"}', grows((200, 40))),
            ('shop_orders_total{service="api-gateway",outcome="rejected",reason="order_timed_out"}', grows((20, 0), (60, 6), (120, 0))),
        ], quiet=(4, 40), firing=(18,)),
    Case(
        "TelemetryLost", "the collector takes nothing for ten minutes",
        [('telemetry_export_failures_total{service="a",signal="traces",error_type="connect"}', grows((20, 0), (40, 1), (80, 0)))],
        {"service": "a", "signal": "traces"}, quiet=(4, 22), firing=(12,)),
    Case(
        "SeriesOverflow", "once", [('telemetry_series_overflows_total{service="a"}', grows((20, 0), (1, 3), (119, 0)))],
        {"service": "a"}, quiet=(4, 30), firing=(8,)),
    *(
        Case(
            f"GatewayAvailabilityBurn{speed}", "a fifth of the answers is a 5xx for half an hour",
            server("api-gateway", 200, grows((400, 80))) + server("api-gateway", 503, grows((20, 0), (120, 20), (260 + 600, 0))),
            {"service": "api-gateway", "slo": "GatewayAvailability"}, quiet=(4, over), firing=(30,))
        for speed, over in (("Fast", 42), ("Steady", 68), ("Slow", 160))
    ),
    *(
        Case(
            f"ProductViewLatencyBurn{speed}", "all views take more than a second for half an hour",
            buckets(
                "http_server_request_duration_seconds", VIEW, grows((20, 80), (120, 0), (860, 80)), grows((20, 0), (120, 80), (860, 0)),
                [0.1, 0.25, 0.5]),
            {"service": "api-gateway", "slo": "ProductViewLatency"}, quiet=(4, over), firing=(30,))
        for speed, over in (("Fast", 42), ("Steady", 68), ("Slow", 160))
    ),
    *(
        Case(
            f"OrderAvailabilityBurn{speed}", "every order is answered with a 5xx, from the first on",
            server("api-gateway", 503, grows((20, 0), (120, 5), (860, 0)), "/api/v1/orders", "POST")
            + server("api-gateway", 201, grows((140, 0), (860, 5)), "/api/v1/orders", "POST"),
            {"service": "api-gateway", "slo": "OrderAvailability"}, quiet=(4, over), firing=(30,))
        for speed, over in (("Fast", 42), ("Steady", 68), ("Slow", 180))
    ),
]


def document(cases, listed, files):
    """The text of a promtool test file."""
    alerts = {rule["alert"]: rule for rule in listed if "alert" in rule}
    tests = []
    for case in cases:
        rule = alerts[case.alert]
        labels = {**rule["labels"], **case.labels}
        annotations = {
            name: text.replace("{{ $labels.service }}", labels.get("service", "")).replace("{{ $labels.upstream }}", labels.get("upstream", ""))
            .replace("{{ $labels.signal }}", labels.get("signal", ""))
            for name, text in rule["annotations"].items()
        }
        expected = [{"exp_labels": labels, "exp_annotations": annotations}]
        tests.append({
            "name": f"{case.alert}: {case.title}", "interval": f"{STEP}s",
            "input_series": [{"series": series, "values": values} for series, values in case.series],
            "alert_rule_test": [
                {"eval_time": f"{minute}m", "alertname": case.alert, "exp_alerts": expected if minute in case.firing else []}
                for minute in sorted(case.quiet + case.firing)
            ],
        })
    return yaml.safe_dump({"rule_files": [str(file) for file in files], "evaluation_interval": f"{STEP}s", "tests": tests}, width=1000)


def run(cases=CASES, folder=FOLDER / "prometheus"):
    """(passed, output) of promtool."""
    files = [folder / "service-levels.yml", folder / "alerts.yml"]
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "series.yml"
        path.write_text(document(cases, prometheus.rules(folder), files), encoding="utf-8")
        result = subprocess.run(["promtool", "test", "rules", path], capture_output=True, text=True, check=False)
    return result.returncode == 0, result.stdout + result.stderr


def untested(listed=None):
    """Alerts of which no case sees all three."""
    listed = listed if listed is not None else prometheus.rules()
    seen = {case.alert for case in CASES if case.quiet and case.firing and max(case.quiet) > max(case.firing)}
    return [rule["alert"] for rule in listed if "alert" in rule and rule["alert"] not in seen]
