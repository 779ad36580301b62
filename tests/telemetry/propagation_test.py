"""Traces that begin before the shop and go on behind it: OpenTelemetry's kit as caller and as child, Datadog's headers in and out."""

import http.server
import json
import threading
import unittest
import urllib.request

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import extract, inject
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from agent import Agent, wait_until
from shop import SERVICES, Shop
from trees import faults


def kit(endpoint, service):
    """OpenTelemetry's own tracer."""
    provider = TracerProvider(resource=Resource({"service.name": service}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")))
    return provider.get_tracer("tests")


class Warehouse:
    """Stands for inventory: it keeps the headers it was called with, and makes a span of its own with OpenTelemetry's kit."""

    PRODUCT = {"id": "019aa5c2-7c00-7000-8000-00000000c0de", "sku": "LAPTOP-001", "name": "A laptop", "category": "laptops", "version": 1}

    def __init__(self, endpoint):
        warehouse = self
        self.tracer = kit(endpoint, "python-warehouse")
        self.headers = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                headers = {name.lower(): value for name, value in self.headers.items()}
                if not self.path.startswith("/health"):
                    warehouse.headers.append(headers)
                with warehouse.tracer.start_as_current_span("look on the shelf", context=extract(headers), kind=trace.SpanKind.SERVER):
                    body = json.dumps(warehouse.PRODUCT).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class CallersTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.agent = Agent()
        cls.addClassCleanup(cls.agent.stop)
        cls.shop = Shop(cls.agent.endpoint)
        cls.addClassCleanup(cls.shop.stop)

    def test_opentelemetry_python_is_the_root_of_the_shops_trace(self):
        with kit(self.agent.endpoint, "python-caller").start_as_current_span("buy", kind=trace.SpanKind.CLIENT) as span:
            headers = {}
            inject(headers)
            status, _, _ = self.shop.call("GET", "/api/v1/products/LAPTOP-001", headers=headers)
        self.assertEqual(status, 200)
        trace_id = format(span.get_span_context().trace_id, "032x")
        spans = self.agent.trace(trace_id, lambda spans: any(not span.parent_id for span in spans))
        self.assertEqual(faults(spans, [*SERVICES, "python-caller"]), [])
        self.assertEqual(next(span.service for span in spans if not span.parent_id), "python-caller")

    def test_datadogs_headers_continue_a_trace_of_128_bits(self):
        upper, lower, parent = 0x6924_5B2A_0000_0000, 0xA3CE_929D_0E0E_4736, 67667974448284343
        headers = {
            "x-datadog-trace-id": str(lower), "x-datadog-parent-id": str(parent), "x-datadog-sampling-priority": "2",
            "x-datadog-tags": f"_dd.p.tid={upper:016x},_dd.p.dm=-4",
        }
        self.shop.call("GET", "/api/v1/products/LAPTOP-001", headers=headers)
        spans = self.agent.trace(f"{upper:016x}{lower:016x}", lambda spans: {span.service for span in spans} == set(SERVICES))
        gateway = next(span for span in spans if span.service == "api-gateway" and span.kind == "server")
        self.assertEqual(gateway.parent_id, format(parent, "016x"))
        orphans = [span for span in spans if span.parent_id not in {other.span_id for other in spans} and span is not gateway]
        self.assertEqual(orphans, [])

    def test_a_caller_that_does_not_want_a_trace_gets_none(self):
        unwanted = {"traceparent": "00-11111111111111111111111111111111-2222222222222222-00"}
        dropped = {"x-datadog-trace-id": "3333333333333333", "x-datadog-parent-id": "4444", "x-datadog-sampling-priority": "-1"}
        for headers in (unwanted, dropped):
            self.shop.call("GET", "/api/v1/products/LAPTOP-001", headers=headers)
        _, answered, _ = self.shop.call("GET", "/api/v1/products/LAPTOP-001")
        self.agent.trace(answered["X-Correlation-ID"])
        ids = {span.trace_id for span in self.agent.spans()}
        self.assertNotIn("1" * 32, ids)
        self.assertNotIn(format(3333333333333333, "032x"), ids)

    def test_a_problem_names_the_trace(self):
        _, _, problem = self.shop.call("GET", "/api/v1/products/NOPE", headers={"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"})
        self.assertEqual(problem["traceId"], "ab" * 16)

    def test_openmetrics_has_exemplars_that_name_a_trace_of_the_agents(self):
        _, answered, _ = self.shop.call("GET", "/api/v1/products/LAPTOP-001")
        self.agent.trace(answered["X-Correlation-ID"])
        port = self.shop.ports["api-gateway"]
        request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Accept": "application/openmetrics-text"})
        with urllib.request.urlopen(request) as answer:
            self.assertTrue(answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0"))
            text = answer.read().decode()
        exemplars = [line for line in text.splitlines() if line.startswith("http_server_request_duration_seconds_bucket") and " # {" in line]
        named = {line.split('trace_id="')[1][:32] for line in exemplars}
        self.assertTrue(named & {span.trace_id for span in self.agent.spans()}, exemplars)


class ChildrenTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.agent = Agent()
        cls.addClassCleanup(cls.agent.stop)
        cls.warehouse = Warehouse(cls.agent.endpoint)
        cls.addClassCleanup(cls.warehouse.stop)
        cls.shop = Shop(cls.agent.endpoint, ["pricing-service", "api-gateway"], {"INVENTORY_SERVICE_URL": cls.warehouse.url})
        cls.addClassCleanup(cls.shop.stop)

    def test_opentelemetry_python_is_a_child_and_all_headers_name_the_same_span(self):
        status, answered, _ = self.shop.call("GET", "/api/v1/products/LAPTOP-001", headers={"baggage": "tier=gold"})
        self.assertEqual(status, 200)
        trace_id = answered["X-Correlation-ID"]
        spans = self.agent.trace(trace_id, lambda spans: any(span.service == "python-warehouse" for span in spans))
        self.assertEqual(faults(spans, ["api-gateway", "pricing-service", "python-warehouse"]), [])
        child = next(span for span in spans if span.service == "python-warehouse")
        parent = next(span for span in spans if span.span_id == child.parent_id)
        self.assertEqual((parent.service, parent.kind), ("api-gateway", "client"))
        headers = wait_until("inventory was called", lambda: next((seen for seen in self.warehouse.headers if trace_id in seen["traceparent"]), None))
        self.assertEqual(headers["traceparent"], f"00-{trace_id}-{parent.span_id}-01")
        self.assertEqual(headers["x-datadog-trace-id"], str(int(trace_id[16:], 16)))
        self.assertEqual(headers["x-datadog-parent-id"], str(int(parent.span_id, 16)))
        self.assertEqual(headers["x-datadog-sampling-priority"], "1")
        self.assertEqual(headers["x-datadog-tags"], f"_dd.p.tid={trace_id[:16]}")
        self.assertEqual(headers["baggage"], "tier=gold")
