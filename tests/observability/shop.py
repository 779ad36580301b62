"""A shop of real processes, a Prometheus that scrapes it, a collector that can go away, and visitors."""

import collections
import contextlib
import http.client
import http.server
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

from registry import ROOT

BIN = ROOT / ".build" / os.environ.get("CONFIGURATION", "debug")
HELLO_DD = BIN / "hello-dd"
PRODUCTS = ["LAPTOP-001", "MOUSE-001", "KEYBOARD-001"]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Collector:
    """Takes OTLP over HTTP; where it is not running, nothing listens at its address."""

    def __init__(self):
        self.port = free_port()
        self.taken = {}
        self.bodies = []
        self.traces = collections.deque(maxlen=400)
        self._server = None
        self._open = set()

    def start(self):
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                collector._open.add(self.connection)

            def finish(self):
                collector._open.discard(self.connection)
                super().finish()

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                collector.taken[self.path] = collector.taken.get(self.path, 0) + 1
                if self.path == "/v1/metrics" and len(collector.bodies) < 5000:
                    collector.bodies.append((self.headers.get("content-encoding"), body))
                if self.path == "/v1/traces":
                    collector.traces.append((self.headers.get("content-encoding"), body))
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        http.server.ThreadingHTTPServer.allow_reuse_address = True
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            # Whoever holds a connection would go on through it.
            for connection in list(self._open):
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._server = None


class Shop:
    """`hello-dd up`, in a folder of its own."""

    def __init__(self, collector):
        self.folder = Path(tempfile.mkdtemp(prefix="hello-dd-observed-"))
        environment = {
            **os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}", "OTEL_METRIC_EXPORT_INTERVAL": "1000",
            "OTEL_BSP_SCHEDULE_DELAY": "200", "DD_ENV": "test", "SERVICE_TIMEOUT": "5", "SANDBOX_PAUSE_SECONDS": "0.1",
            # Orders that cannot be completed are undone while the test still looks.
            "ORDER_TIME_ALLOWED_SECONDS": "4",
        }
        self._run(
            "up", "--detach", "--data", self.folder, "--gateway-port", "0", "--inventory-port", "0", "--pricing-port", "0", "--no-console", "--log-level",
            "warning",
            environment=environment)
        status = json.loads(self._run("status", "--json", "--data", self.folder))
        self.ports = {entry["service"]: entry["port"] for entry in status["services"]}
        self.pids = {entry["service"]: entry["pid"] for entry in status["services"]}
        self.tokens = {role: self._run("token", "--role", role, "--data", self.folder).strip() for role in ("shopper", "operator")}
        # Enough for all visitors: that something is sold out is no fault.
        for product in PRODUCTS:
            self.call("POST", f"/api/v1/products/{product}/stock/adjustments", {"delta": 1_000_000, "reason": "receipt"}, "operator")

    def _run(self, *arguments, environment=None):
        result = subprocess.run(
            [HELLO_DD, *map(str, arguments)], capture_output=True, text=True, env=environment, check=False, stdin=subprocess.DEVNULL, timeout=180)
        if result.returncode != 0:
            raise RuntimeError(f"hello-dd {arguments[0]}: {result.stdout}{result.stderr}")
        return result.stdout

    def command(self, *arguments):
        return self._run(*arguments, "--data", self.folder)

    def text(self, service, path="/metrics", accept=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.ports[service]}{path}", headers={"Accept": accept} if accept else {})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read().decode()

    def call(self, method, path, body=None, role=None, timeout=10, milliseconds=None, trace=None):
        """The status; 0 without an answer. `milliseconds` is how long the caller says that it waits."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if trace:
            headers["traceparent"] = trace
        if milliseconds:
            headers["X-Request-Timeout-Ms"] = str(milliseconds)
        if role:
            headers["Authorization"] = f"Bearer {self.tokens[role]}"
        if method == "POST" and ("/orders" in path or "/adjustments" in path):
            headers["Idempotency-Key"] = str(uuid.uuid4())
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports['api-gateway']}{path}", method=method, headers=headers, data=json.dumps(body).encode() if body is not None else None)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                answer.read()
                return answer.status
        except urllib.error.HTTPError as error:
            error.read()
            return error.code
        except (OSError, http.client.HTTPException):
            return 0

    def order(self, body):
        """The id of an order that was placed and confirmed."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports['api-gateway']}/api/v1/orders", method="POST", data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self.tokens['shopper']}", "Idempotency-Key": str(uuid.uuid4())})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())["id"]

    # --- faults -------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def fault(self, service, kind, *options):
        self.command("fault", "add", service, kind, "--duration", "10m", *options)
        try:
            yield
        finally:
            self.command("fault", "clear")

    @contextlib.contextmanager
    def stopped(self, service):
        """The process is there and gets no CPU."""
        os.kill(self.pids[service], signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pids[service], signal.SIGCONT)

    @contextlib.contextmanager
    def stuttering(self, service, pause=0.6, run=0.25):
        """Stopped and continued, again and again."""
        over = threading.Event()

        def stutter():
            while not over.is_set():
                os.kill(self.pids[service], signal.SIGSTOP)
                over.wait(pause)
                os.kill(self.pids[service], signal.SIGCONT)
                time.sleep(run)

        thread = threading.Thread(target=stutter)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    @contextlib.contextmanager
    def locked(self, file):
        """Another process holds the write lock of a database for a third of a second, again and again."""
        over = threading.Event()

        def hold():
            connection = sqlite3.connect(self.folder / file, isolation_level=None, timeout=5)
            while not over.is_set():
                with contextlib.suppress(sqlite3.OperationalError):
                    connection.execute("BEGIN IMMEDIATE")
                    over.wait(0.35)
                    connection.execute("ROLLBACK")
                time.sleep(0.02)
            connection.close()

        thread = threading.Thread(target=hold)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def close(self):
        for pid in self.pids.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        with contextlib.suppress(RuntimeError):
            self.command("down")
        shutil.rmtree(self.folder, ignore_errors=True)


class Visitors:
    """Some who look and some who buy, a few requests a second, until told to stop."""

    def __init__(self, shop, threads=4):
        self.shop = shop
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.visit, args=(seed,), daemon=True) for seed in range(threads)]
        for thread in self.threads:
            thread.start()

    def visit(self, seed):
        choice = random.Random(seed)
        cards = ["card_approve"] * 6 + ["card_decline"]
        while not self.over.is_set():
            product = choice.choice(PRODUCTS)
            self.shop.call("GET", f"/api/v1/products/{product}")
            self.shop.call("GET", "/api/v1/products?limit=5")
            order = {
                "lines": [{"productId": product, "quantity": 1}], "currency": "USD", "taxRegion": "US-CA", "paymentMethod": choice.choice(cards),
            }
            self.shop.call("POST", "/api/v1/orders", order, "shopper")
            self.over.wait(0.25)

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(timeout=30)


class Prometheus:
    """A real one, with the committed rules at a test's pace."""

    def __init__(self, shop):
        self.folder = Path(tempfile.mkdtemp(prefix="hello-dd-prometheus-"))
        subprocess.run([HELLO_DD, "observability", "render", "--rules", self.folder], check=True, capture_output=True)
        self.port = free_port()
        targets = "".join(
            f"  - job_name: {service}\n    static_configs:\n      - targets: ['127.0.0.1:{port}']\n        labels: {{service: {service}}}\n"
            for service, port in shop.ports.items())
        config = self.folder / "prometheus.yml"
        config.write_text(
            "global: {scrape_interval: 500ms, scrape_timeout: 450ms, evaluation_interval: 500ms}\n"
            f"rule_files: ['{self.folder}/alerts.yml', '{self.folder}/service-levels.yml']\nscrape_configs:\n{targets}", encoding="utf-8")
        self.log = open(self.folder / "log", "w", encoding="utf-8")
        self.process = subprocess.Popen(
            [
                "prometheus", f"--config.file={config}", f"--storage.tsdb.path={self.folder}/data", f"--web.listen-address=127.0.0.1:{self.port}",
                "--log.level=warn",
            ], stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)

    def firing(self):
        """{alert: [labels]} of those that fire now. Without an answer nobody knows: that is not nothing."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/alerts", timeout=5) as answer:
                alerts = json.loads(answer.read())["data"]["alerts"]
        except (OSError, http.client.HTTPException):
            return {"(Prometheus does not answer)": []}
        found = {}
        for alert in alerts:
            if alert["state"] == "firing":
                found.setdefault(alert["labels"]["alertname"], []).append(alert["labels"])
        return found

    def query(self, expression):
        """The result; empty without an answer."""
        with contextlib.suppress(OSError, http.client.HTTPException), urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/query?query={urllib.request.quote(expression)}", timeout=5) as answer:
            return json.loads(answer.read())["data"]["result"]
        return []

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=30)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
