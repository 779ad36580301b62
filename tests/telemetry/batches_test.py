"""On PostgreSQL calls share statements: each caller's trace is whole, and the batch that served several is linked with all of them."""

import concurrent.futures
import json
import os
import shutil
import subprocess
import tempfile
import unittest
import urllib.request
from pathlib import Path

from agent import Agent
from shop import BIN

BATCH = "products.read"


class BatchesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.agent = Agent()
        cls.addClassCleanup(cls.agent.stop)
        cls.folder = Path(tempfile.mkdtemp(prefix="hello-dd-batches-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        environment = {
            **os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": cls.agent.endpoint, "OTEL_BSP_SCHEDULE_DELAY": "100", "SERVICE_TIMEOUT": "30",
            "HTTP_REQUEST_TIMEOUT_SECONDS": "60",
        }
        cls.hello_dd(
            "up", "--detach", "--with-servers", "--gateway-port", "0", "--inventory-port", "0", "--pricing-port", "0", "--log-level", "warning",
            environment=environment)
        cls.addClassCleanup(cls.hello_dd, "down", "--now")
        status = json.loads(cls.hello_dd("status", "--json"))
        cls.port = next(entry["port"] for entry in status["services"] if entry["service"] == "api-gateway")

    @classmethod
    def hello_dd(cls, *arguments, environment=None):
        result = subprocess.run(
            [BIN / "hello-dd", *arguments, "--data", cls.folder], capture_output=True, text=True, env=environment, check=False, stdin=subprocess.DEVNULL,
            timeout=300)
        if result.returncode != 0:
            raise RuntimeError(f"hello-dd {arguments[0]}: {result.stdout}{result.stderr}")
        return result.stdout

    def view(self, _):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/products/LAPTOP-001", timeout=90) as answer:
            answer.read()
            return answer.headers["X-Correlation-ID"]

    def test_a_batch_is_a_child_of_its_one_caller_and_linked_with_several(self):
        alone = self.agent.trace(self.view(0))
        batch = next(span for span in alone if span.name == BATCH)
        statement = next(span for span in alone if span.parent_id == batch.span_id)
        self.assertEqual((statement.attributes["db.system.name"], statement.attributes["db.namespace"]), ("postgresql", "inventory"))
        self.assertIn("$1", statement.attributes["db.query.text"])
        for _ in range(20):
            with concurrent.futures.ThreadPoolExecutor(32) as pool:
                callers = set(pool.map(self.view, range(128)))
            self.agent.trace(max(callers))
            spans = self.agent.spans()
            shared = [span for span in spans if span.name == BATCH and not span.parent_id and {trace for trace, _ in span.links} <= callers]
            if shared:
                break
        self.assertTrue(shared, "no two of 2,560 calls came at the same time")
        by_id = {span.span_id: span for span in spans}
        for batch in shared:
            self.assertGreater(len(batch.links), 1)
            self.assertEqual(batch.attributes["db.operation.batch.size"], len(batch.links))
            below = [span for span in spans if span.parent_id == batch.span_id]
            self.assertEqual([span.trace_id for span in below], [batch.trace_id], "the statement is in the batch's trace")
            for trace_id, span_id in batch.links:
                caller = by_id[span_id]
                self.assertEqual((caller.trace_id, caller.service, caller.kind), (trace_id, "inventory-service", "server"))
                wait = next(span for span in spans if span.parent_id == span_id and span.name == BATCH)
                self.assertEqual(wait.links, [(batch.trace_id, batch.span_id)])
