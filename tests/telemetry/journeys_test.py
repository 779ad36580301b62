"""The trace of each main journey, as Datadog's test agent has understood it: whole, connected, and as it was the last time."""

import re
import unittest
from pathlib import Path

from agent import ROOT, Agent, wait_until
from shop import SERVICES, Shop
from trees import faults, tree

SNAPSHOTS = Path(__file__).resolve().parent / "snapshots"
UPDATE = False
ORDER = {"lines": [{"productId": "LAPTOP-001", "quantity": 1}], "currency": "USD", "taxRegion": "NONE", "paymentMethod": "card_approve"}



def contract():
    """The edges of each journey, as the contract in code has them: docs/telemetry.md is generated from it."""
    edges, journey = {}, None
    reference = re.compile(r"`([^`]+)` (server|client|internal)(?: `([^`]+)`)?")
    for line in (ROOT / "docs" / "telemetry.md").read_text().split("## Journeys")[1].split("\n## ")[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 3 or not (begins := reference.fullmatch(cells[1])) or not (ends := reference.fullmatch(cells[2])):
            continue
        if named := re.match(r"\*\*(\w+)\*\*", cells[0]):
            journey = named.group(1)
        edges.setdefault(journey, []).append((begins.groups(), ends.groups()))
    return edges


EDGES = contract()


def has(spans, edge):
    """Whether the second span of the edge is below the first, directly or through others."""
    (service, kind, name), wanted = edge
    by_id = {span.span_id: span for span in spans}
    for span in spans:
        if (span.service, span.kind) != wanted[:2] or wanted[2] not in (None, span.name):
            continue
        above = by_id.get(span.parent_id)
        while above:
            if (above.service, above.kind) == (service, kind) and name in (None, above.name):
                return True
            above = by_id.get(above.parent_id)
    return False


class JourneysTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.agent = Agent()
        cls.addClassCleanup(cls.agent.stop)
        cls.shop = Shop(cls.agent.endpoint)
        cls.addClassCleanup(cls.shop.stop)
        cls.token = cls.shop.token()
        cls.operator = cls.shop.token("operator")

    def journey(self, name, services=SERVICES, complete=lambda spans: True, failures=(), **call):
        """The spans of one call's trace, checked for what holds of every journey. Nothing is in the cache when it begins."""
        forgotten, _, _ = self.shop.call("POST", "/api/v1/cache/invalidate", {"all": True}, token=self.operator)
        self.assertEqual(forgotten // 100, 2, "the cache was not emptied")
        status, headers, body = self.shop.call(**call)
        # Without one of the caller's own, the correlation id is the id of the trace.
        trace_id = headers["X-Correlation-ID"]
        spans = self.agent.trace(trace_id, complete)
        self.assertEqual(faults(spans, services), [], name)
        self.assertEqual(sorted(f"{span.service}: {span.name}" for span in spans if span.failed), sorted(failures), "which spans have failed")
        missing = [edge for edge in EDGES[name] if not has(spans, edge)]
        self.assertEqual(missing, [], f"edges of the contract that the trace of {name} does not have")
        for span in spans:
            self.assertEqual(span.resource["deployment.environment.name"], "test")
            self.assertTrue(span.resource["service.instance.id"])
        self.compare(name, tree(spans))
        return status, body, spans

    def compare(self, name, text):
        file = SNAPSHOTS / f"{name}.txt"
        if UPDATE:
            file.write_text(text)
        self.assertTrue(file.exists(), f"{file} is missing: run.py --update writes it")
        self.maxDiff = None
        self.assertMultiLineEqual(file.read_text(), text)

    def order(self, name, failures=(), **changes):
        ended = lambda spans: any("saga.state" in span.attributes for span in spans)  # noqa: E731
        return self.journey(name, complete=ended, failures=failures, method="POST", path="/api/v1/orders", body={**ORDER, **changes}, token=self.token)

    def test_view(self):
        status, _, spans = self.journey("view", method="GET", path="/api/v1/products/LAPTOP-001")
        self.assertEqual(status, 200)
        root = next(span for span in spans if not span.parent_id)
        self.assertEqual(root.name, "GET /api/v1/products/{id}")
        self.assertEqual(root.attributes["http.route"], "/api/v1/products/{id}")
        self.assertEqual(root.attributes["http.response.status_code"], 200)
        select = next(span for span in spans if span.service == "inventory-service" and span.name.startswith("SELECT"))
        self.assertEqual(select.attributes["db.system.name"], "sqlite")
        self.assertIn("?", select.attributes["db.query.text"])
        self.assertNotIn("LAPTOP-001", select.attributes["db.query.text"])

    def test_list(self):
        status, _, _ = self.journey("list", method="GET", path="/api/v1/products?limit=5")
        self.assertEqual(status, 200)

    def test_bulk_check(self):
        items = [{"productId": "LAPTOP-001", "quantity": 1}, {"productId": "MOUSE-001", "quantity": 2}]
        status, answer, _ = self.journey("bulk", method="POST", path="/api/v1/products/bulk-check", body={"items": items})
        self.assertEqual((status, [item["status"] for item in answer["items"]]), (200, ["available", "available"]))

    def test_order_confirmed_and_cancelled(self):
        status, order, spans = self.order("confirmed")
        self.assertEqual((status, order["status"]), (201, "confirmed"))
        self.assertEqual({span.attributes["shop.order.id"] for span in spans if "shop.order.id" in span.attributes}, {order["id"]})
        status, order, spans = self.journey(
            "cancelled", services=["api-gateway", "inventory-service"], complete=lambda spans: any("saga.state" in span.attributes for span in spans),
            method="POST", path=f"/api/v1/orders/{order['id']}/cancel", token=self.token)
        self.assertEqual((status, order["status"]), (200, "cancelled"))
        self.assertEqual({span.attributes["shop.order.id"] for span in spans if "shop.order.id" in span.attributes}, {order["id"]})

    def test_order_declined(self):
        status, _, spans = self.order("declined", failures=["api-gateway: order authorize"], paymentMethod="card_decline")
        self.assertEqual(status, 402)
        failed = next(span for span in spans if span.failed)
        self.assertEqual(failed.attributes["error.type"], "payment_declined")

    def test_order_short_of_stock(self):
        status, _, _ = self.order(
            "short", lines=[{"productId": "LAPTOP-001", "quantity": 100}],
            failures=["api-gateway: order reserve", "api-gateway: PUT /api/v1/reservations/{id}"])
        self.assertEqual(status, 409)

    def test_every_log_line_of_a_request_has_the_ids_of_its_span(self):
        _, headers, _ = self.shop.call("GET", "/api/v1/products/MOUSE-001")
        trace_id = headers["X-Correlation-ID"]
        spans = self.agent.trace(trace_id)
        for service in SERVICES:
            server = next(span for span in spans if span.service == service and span.kind == "server")
            line = wait_until(
                f"{service} logs its request", lambda service=service: next((line for line in self.shop.log(service) if line.get("trace_id") == trace_id), None))
            self.assertEqual(line["message"], "request")
            self.assertEqual(line["span_id"], server.span_id)
            self.assertEqual(line["dd.trace_id"], str(int(trace_id[16:], 16)))
            self.assertEqual(line["dd.span_id"], str(int(server.span_id, 16)))
            self.assertEqual((line["service"], line["env"]), (service, "test"))

    def test_health_checks_and_scrapes_begin_no_trace(self):
        self.shop.metric("api-gateway", "process_open_fds")
        self.shop.call("GET", "/health")
        self.shop.call("GET", "/api/v1/products/MOUSE-001")
        wait_until("the view has come", lambda: any(span.name == "GET /api/v1/products/{id}" for span in self.agent.spans()))
        self.assertEqual({span.name for span in self.agent.spans() if "/health" in span.name or "/metrics" in span.name}, set())

