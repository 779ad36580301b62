"""The checks themselves: each finds the fault that is planted for it, and nothing in what is right."""

import copy
import json
import re
import unittest

import check
import datadog
import emitted
import journeys
import prometheus
import series
from registry import FOLDER, Registry

REGISTRY = Registry()


def broken(kind, name, change):
    kinds = copy.deepcopy(datadog.documents())
    change(kinds[kind][name])
    return datadog.faults(REGISTRY, kinds)


def first_query(dashboard):
    return dashboard["widgets"][1]["definition"]["widgets"][0]["definition"]["requests"][0]["queries"][0]


class Datadog(unittest.TestCase):
    def plant(self, expected, kind, name, change):
        found = broken(kind, name, change)
        self.assertTrue(any(re.search(expected, fault) for fault in found), found[:3])

    def query(self, expected, old, new):
        def change(document):
            query = first_query(document)
            self.assertIn(old, query["query"])
            query["query"] = query["query"].replace(old, new)

        self.plant(expected, "dashboards", "overview", change)

    def test_nothing_is_found_in_what_is_right(self):
        self.assertEqual(datadog.faults(REGISTRY), [])

    def test_a_metric_that_nobody_emits(self):
        self.query("no service emits http.server.duration", "http.server.request.duration", "http.server.duration")

    def test_a_tag_that_the_metric_does_not_have(self):
        self.query("has no tag upstream", "by {service}", "by {service,upstream}")

    def test_a_value_as_it_never_is_in_datadog(self):
        self.query("no tag's value", "!http.route:/metrics", "!http.route:/api/v1/products/{id}".replace("{", "(").replace("}", ")"))

    def test_a_value_that_never_occurs(self):
        self.query("is never console", "{$env,", "{$env,service:console,")

    def test_a_count_that_is_asked_as_a_gauge(self):
        self.query("as_count|as_rate", ".as_rate()", "")

    def test_an_aggregation_that_the_type_does_not_have(self):
        self.query("cannot be asked for its last", "count:http", "last:http")

    def test_a_query_that_is_none(self):
        self.query("cannot be read", "count:http", "count of:http")

    def test_a_formula_that_uses_something_else(self):
        def change(document):
            document["widgets"][1]["definition"]["widgets"][0]["definition"]["requests"][0]["formulas"][0]["formula"] = "query9"

        self.plant("formula", "dashboards", "overview", change)

    def test_an_unknown_property(self):
        self.plant("is no property", "monitors", "ServiceErrors", lambda document: document.update(colour="red"))

    def test_an_unknown_kind_of_widget(self):
        def change(document):
            document["widgets"][0]["definition"]["widgets"][0]["definition"]["type"] = "timeserie"

        self.plant("nothing that the model knows", "dashboards", "overview", change)

    def test_a_missing_property(self):
        self.plant("layout_type", "dashboards", "overview", lambda document: document.pop("layout_type"))

    def test_a_number_that_is_a_text(self):
        self.plant("priority", "monitors", "ServiceErrors", lambda document: document.update(priority="high"))

    def test_recovery_above_the_bound(self):
        def change(document):
            document["options"]["thresholds"]["critical_recovery"] = 0.5

        self.plant("recovers above", "monitors", "ServiceErrors", change)

    def test_query_and_threshold_that_differ(self):
        def change(document):
            document["options"]["thresholds"]["critical"] = 0.06

        self.plant("differ", "monitors", "ServiceErrors", change)

    def test_missing_data_without_a_word(self):
        self.plant("missing data", "monitors", "ServiceErrors", lambda document: document["options"].pop("notify_no_data"))

    def test_a_burn_rate_that_cannot_be_reached(self):
        def change(document):
            document["query"] = document["query"].replace("14.4", "2000")
            document["options"]["thresholds"]["critical"] = 2000

        self.plant("never be reached", "monitors", "GatewayAvailabilityBurnFast", change)

    def test_a_burn_rate_of_an_objective_that_is_not_there(self):
        def change(document):
            document["query"] = document["query"].replace("GatewayAvailability", "GatewayKindness")

        self.plant("no objective", "monitors", "GatewayAvailabilityBurnFast", change)

    def test_percentiles_that_are_not_switched_on(self):
        metrics = json.loads((FOLDER / "datadog" / "metrics.json").read_text(encoding="utf-8"))
        for entry in metrics:
            if entry["name"] == "http.server.request.duration":
                entry.pop("tags")
        self.assertTrue(any("not switched on" in fault for fault in datadog.faults(REGISTRY, metrics=metrics)))

    def test_a_metric_that_datadog_is_not_told_of(self):
        metrics = json.loads((FOLDER / "datadog" / "metrics.json").read_text(encoding="utf-8"))[1:]
        self.assertTrue(any("told or declared" in fault for fault in datadog.faults(REGISTRY, metrics=metrics)))

    def test_the_names_are_those_of_the_renderer(self):
        for metric in REGISTRY.metrics.values():
            from registry import datadog_name, datadog_type

            self.assertEqual(metric["datadog"], datadog_name(metric["name"]))
            self.assertEqual(metric["datadogType"], datadog_type(metric["kind"]))


class Prometheus(unittest.TestCase):
    def rules(self, alert, change):
        listed = copy.deepcopy(prometheus.rules())
        for rule in listed:
            if rule.get("alert") == alert:
                change(rule)
        return listed

    def replaced(self, alert, old, new):
        def change(rule):
            self.assertIn(old, rule["expr"])
            rule["expr"] = rule["expr"].replace(old, new)

        return self.rules(alert, change)

    def plant(self, expected, alert, old, new):
        found = prometheus.faults(REGISTRY, self.replaced(alert, old, new))
        self.assertTrue(any(re.search(expected, fault) for fault in found), found[:3])

    def differ(self, expected, alert, old, new):
        found = prometheus.differences(REGISTRY, datadog.documents()["monitors"], self.replaced(alert, old, new))
        self.assertTrue(any(re.search(expected, fault) for fault in found), found[:3])

    def test_nothing_is_found_in_what_is_right(self):
        self.assertEqual(prometheus.faults(REGISTRY), [])
        self.assertEqual(prometheus.differences(REGISTRY, datadog.documents()["monitors"]), [])

    def test_a_metric_that_nobody_emits(self):
        self.plant("no service emits http_server_duration_count", "ServiceErrors", "http_server_request_duration_seconds_count", "http_server_duration_count")

    def test_a_label_that_the_metric_does_not_have(self):
        self.plant("has no label status", "ServiceErrors", "http_response_status_code=~", "status=~")

    def test_a_grouping_by_nothing(self):
        self.plant("nothing in it has the label pod", "ServiceErrors", "by (service)", "by (service, pod)")

    def test_a_value_that_never_occurs(self):
        self.plant("is never lost", "OrdersNeedAttention", "needs_attention", "lost")

    def test_a_rule_that_names_no_runbook(self):
        listed = self.rules("ServiceErrors", lambda rule: rule["annotations"].pop("runbook"))
        self.assertTrue(any("no runbook" in fault for fault in prometheus.faults(REGISTRY, listed)))

    def test_a_monitor_that_asks_for_something_else(self):
        self.differ("asks for", "ServiceErrors", "http_server_request_duration_seconds_count", "http_client_request_duration_seconds_count")

    def test_a_monitor_that_groups_otherwise(self):
        self.differ("groups by", "ServiceErrors", "by (service)", "by (http_route)")

    def test_windows_that_differ(self):
        self.differ("windows differ", "ServiceErrors", "[5m]", "[10m]")

    def test_bounds_that_differ(self):
        self.differ("bounds differ", "ServiceErrors", "> 0.05", "> 0.5")

    def test_burn_rates_that_differ(self):
        self.differ("windows or objective", "GatewayAvailabilityBurnFast", "slo:error_ratio:5m", "slo:error_ratio:30m")


class Series(unittest.TestCase):
    """Of the synthetic series, one planted case of each sort."""

    def fails(self, case):
        passed, output = series.run([case])
        self.assertFalse(passed)
        self.assertIn(case.alert, output)

    def case(self, alert):
        return copy.deepcopy(next(case for case in series.CASES if case.alert == alert))

    def test_an_alert_that_does_not_fire(self):
        case = self.case("ServiceErrors")
        case.series = case.series[:1]
        self.fails(case)

    def test_an_alert_that_does_not_recover(self):
        case = self.case("FaultActive")
        case.series = [(name, series.stays((100, 1))) for name, _ in case.series]
        self.fails(case)

    def test_an_alert_that_fires_from_the_start(self):
        case = self.case("FaultActive")
        case.series = [(name, series.stays((60, 1), (40, 0))) for name, _ in case.series]
        self.fails(case)

    def test_an_alert_that_nothing_tests(self):
        self.assertEqual(series.untested([{"alert": "Nobody"}]), ["Nobody"])


class Running(unittest.TestCase):
    """What is asked of a running shop, on a text that stands for it."""

    RULES = [{"alert": "A", "expr": 'sum by (service) (increase(saga_transitions_total{state="compensated",saga="order"}[5m])) > 0'}]
    GOOD = 'saga_transitions_total{saga="order",state="completed"} 1\n'

    def missing(self, text, rules=None):
        shops = [emitted.Emitted("api-gateway", text)]
        none = {"dashboards": {}, "monitors": {}, "objectives": {}}
        return emitted.missing(REGISTRY, shops, none, rules or self.RULES)

    def test_what_is_emitted_is_found(self):
        self.assertEqual(self.missing(self.GOOD), [])

    def test_a_metric_that_is_not_emitted(self):
        self.assertIn("nothing emits saga_transitions_total", self.missing("up 1\n")[0])

    def test_a_label_that_is_not_emitted(self):
        self.assertIn("never emitted with the label saga", self.missing('saga_transitions_total{state="completed"} 1\n')[0])

    def test_a_value_that_is_not_emitted(self):
        self.assertIn("never what is asked for", self.missing(self.GOOD.replace("order", "cancel"))[0])

    def test_a_dashboard_that_asks_a_service_for_what_it_does_not_emit(self):
        kinds = copy.deepcopy(datadog.documents())
        kinds = {"dashboards": {"pricing-service": kinds["dashboards"]["pricing-service"]}, "monitors": {}, "objectives": {}}
        shops = [emitted.Emitted("api-gateway", 'process_open_fds 1\n'), emitted.Emitted("pricing-service", "up 1\n")]
        found = emitted.missing(REGISTRY, shops, kinds, [])
        self.assertTrue(any("nothing emits process_open_fds of pricing-service" in fault for fault in found), found[:3])

    def test_a_metric_that_nothing_declares(self):
        def undeclared(text, service="api-gateway"):
            return emitted.undeclared(REGISTRY, emitted.Emitted(service, text))

        self.assertEqual(undeclared(self.GOOD), [])
        self.assertIn("nothing declares", undeclared("shop_baskets_total 1\n")[0])
        self.assertIn("with the label colour", undeclared('saga_transitions_total{saga="order",state="completed",colour="red"} 1\n')[0])
        self.assertIn("none of the declared values", undeclared('saga_transitions_total{saga="order",state="lost"} 1\n')[0])
        self.assertIn("not in its part", undeclared('shop_orders_total{outcome="confirmed"} 1\n', "pricing-service")[0])

    def test_a_text_that_is_no_exposition(self):
        self.assertEqual(emitted.format_faults("a", "# HELP a_total A.\n# TYPE a_total counter\na_total 1\n", None), [])
        self.assertTrue(emitted.format_faults("a", "a 1\na 2\n", None))
        self.assertTrue(emitted.format_faults("a", "# TYPE a counter\na 1\n", None), "a counter without _total")
        good = "# HELP a_total A.\n# TYPE a_total counter\na_total 1\n"
        self.assertTrue(emitted.format_faults("a", good, "# TYPE a counter\na_total 1\n"), "without # EOF")
        self.assertEqual(emitted.format_faults("a", good, "# TYPE a counter\na_total 1\n# EOF\n"), [])


class Journeys(unittest.TestCase):
    """A trace with one fault each."""

    JOURNEY = {
        "name": "j", "failing": [],
        "edges": [{"from": {"service": "a", "kind": "server", "name": "GET /x"}, "to": {"service": "b", "kind": "client", "name": "*"}}],
    }

    def spans(self):
        def span(own, parent, service, kind, name):
            return {"trace": "t", "id": own, "parent": parent, "service": service, "kind": kind, "name": name, "failed": False}

        return [
            span("1", "caller", "a", "server", "GET /x"), span("2", "1", "a", "client", "GET"), span("3", "2", "b", "server", "GET /y"),
            span("4", "3", "b", "client", "SELECT t"),
        ]

    def plant(self, expected, change):
        found = self.spans()
        change(found)
        faults = journeys.trace_faults(self.JOURNEY, found, "caller")
        self.assertTrue(any(expected in fault for fault in faults), faults)

    def test_nothing_is_found_in_what_is_right(self):
        self.assertEqual(journeys.trace_faults(self.JOURNEY, self.spans(), "caller"), [])

    def test_an_orphan(self):
        self.plant("b server GET /y has no parent", lambda found: found.pop(1))

    def test_a_second_root(self):
        self.plant("2 spans are below the caller's", lambda found: found[2].update(parent="caller"))

    def test_no_root(self):
        self.plant("0 spans are below the caller's", lambda found: found[0].update(parent="somebody"))

    def test_an_edge_that_is_missing(self):
        self.plant("no edge from a server GET /x to b client *", lambda found: found.pop(3))

    def test_an_edge_that_leads_elsewhere(self):
        self.plant("no edge", lambda found: found[0].update(name="POST /x"))

    def test_a_failure_that_is_none(self):
        self.plant("is marked as failed", lambda found: found[2].update(failed=True))


class Runbooks(unittest.TestCase):
    def test_each_alert_has_its_page(self):
        self.assertEqual(check.runbook_faults(REGISTRY), [])

    def test_an_alert_without_a_page(self):
        registry = Registry(copy.deepcopy(REGISTRY.document))
        registry.alerts["Nobody"] = {"name": "Nobody", "runbook": "docs/operations/nobody.md"}
        self.assertIn("docs/operations/nobody.md: an alert names it, and it is not there", check.runbook_faults(registry))

    def test_a_page_without_an_alert(self):
        registry = Registry(copy.deepcopy(REGISTRY.document))
        registry.alerts.pop("FaultActive")
        self.assertIn("docs/operations/fault-active.md: no alert names it", check.runbook_faults(registry))


if __name__ == "__main__":
    unittest.main()
