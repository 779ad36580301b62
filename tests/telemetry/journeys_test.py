"""The trace of each main journey, as Datadog's test agent has understood it: whole, connected, and as it was the last time."""

import unittest
from pathlib import Path

from agent import Agent, wait_until
from shop import SERVICES, Shop
from trees import faults, tree

SNAPSHOTS = Path(__file__).resolve().parent / "snapshots"
UPDATE = False
ORDER = {"lines": [{"productId": "LAPTOP-001", "quantity": 1}], "currency": "USD", "taxRegion": "NONE", "paymentMethod": "card_approve"}

# Required edges of each journey: a client span of the first is the parent of a server span of the second.
EDGES = {
    "view": [("api-gateway", "inventory-service"), ("api-gateway", "pricing-service")],
    "bulk-check": [("api-gateway", "inventory-service"), ("api-gateway", "pricing-service")],
    "order-confirmed": [("api-gateway", "inventory-service"), ("api-gateway", "pricing-service")],
    "order-declined": [("api-gateway", "inventory-service"), ("api-gateway", "pricing-service")],
    "order-short-of-stock": [("api-gateway", "inventory-service"), ("api-gateway", "pricing-service")],
    "order-cancelled": [("api-gateway", "inventory-service")],
}


class JourneysTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.agent = Agent()
        cls.addClassCleanup(cls.agent.stop)
        cls.shop = Shop(cls.agent.endpoint)
        cls.addClassCleanup(cls.shop.stop)
        cls.token = cls.shop.token()

    def journey(self, name, services=SERVICES, complete=lambda spans: True, failures=(), **call):
        """The spans of one call's trace, checked for what holds of every journey."""
        status, headers, body = self.shop.call(**call)
        # Without one of the caller's own, the correlation id is the id of the trace.
        trace_id = headers["X-Correlation-ID"]
        spans = self.agent.trace(trace_id, complete)
        self.assertEqual(faults(spans, services), [], name)
        self.assertEqual(sorted(f"{span.service}: {span.name}" for span in spans if span.failed), sorted(failures), "which spans have failed")
        by_id = {span.span_id: span for span in spans}
        edges = {(by_id[span.parent_id].service, span.service) for span in spans if span.parent_id in by_id and span.kind == "server"}
        self.assertLessEqual(set(EDGES[name]), edges)
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

    def test_bulk_check(self):
        status, _, _ = self.journey("bulk-check", method="GET", path="/api/v1/products?limit=5")
        self.assertEqual(status, 200)

    def test_order_confirmed_and_cancelled(self):
        status, order, spans = self.order("order-confirmed")
        self.assertEqual((status, order["status"]), (201, "confirmed"))
        self.assertEqual({span.attributes["shop.order.id"] for span in spans if "shop.order.id" in span.attributes}, {order["id"]})
        status, order, spans = self.journey(
            "order-cancelled", services=["api-gateway", "inventory-service"], complete=lambda spans: any("saga.state" in span.attributes for span in spans),
            method="POST", path=f"/api/v1/orders/{order['id']}/cancel", token=self.token)
        self.assertEqual((status, order["status"]), (200, "cancelled"))
        self.assertEqual({span.attributes["shop.order.id"] for span in spans if "shop.order.id" in span.attributes}, {order["id"]})

    def test_order_declined(self):
        status, _, spans = self.order("order-declined", failures=["api-gateway: order authorize"], paymentMethod="card_decline")
        self.assertEqual(status, 402)
        failed = next(span for span in spans if span.failed)
        self.assertEqual(failed.attributes["error.type"], "payment_declined")

    def test_order_short_of_stock(self):
        status, _, _ = self.order(
            "order-short-of-stock", lines=[{"productId": "LAPTOP-001", "quantity": 100}],
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

