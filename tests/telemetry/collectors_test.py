"""Collectors that are not there, slow, refusing, restarting or mad: no request fails, memory stays bounded, what is lost is counted, and
the count arrives when there is a collector again."""

import concurrent.futures
import random
import socket
import threading
import time
import unittest

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from agent import wait_until
from shop import SERVICES, Shop

REQUESTS = 300
# Megabytes that a service may take more than before: its queue, and what a busy allocator keeps.
GROWTH = 64


class Collector:
    """One address, whose behaviour a test chooses."""

    def __init__(self):
        self.listener = None
        self.port = None
        self.mode = "well"
        self.bodies = []
        self.connections = []
        self.lock = threading.Lock()
        self.open()

    def open(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port or 0))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def close(self):
        """As if its process had been killed."""
        listener, self.listener = self.listener, None
        listener.close()
        with self.lock:
            connections, self.connections = self.connections, []
        for connection in connections:
            with contextlib_suppress():
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        # An accept that waits keeps the port until it is woken.
        with contextlib_suppress(), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            pass

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self.lock:
                if self.listener is not listener:
                    connection.close()
                    return
                self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            with connection, connection.makefile("rb") as reader:
                while True:
                    line = reader.readline()
                    if not line:
                        return
                    length, path = 0, line.split(b" ")[1].decode()
                    while (header := reader.readline()) not in (b"\r\n", b""):
                        name, _, text = header.partition(b":")
                        if name.lower() == b"content-length":
                            length = int(text)
                    body = reader.read(length)
                    if not self._answer(connection, path, body):
                        return
        except (OSError, IndexError, ValueError):
            return

    def _answer(self, connection, path, body):
        mode = self.mode
        if mode == "well":
            self.bodies.append((path, body))
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        elif mode == "slow":
            time.sleep(5)
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        elif mode == "silent":
            time.sleep(600)
        elif mode == "busy":
            connection.sendall(b"HTTP/1.1 503 No\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n")
        elif mode == "refusing":
            connection.sendall(b"HTTP/1.1 400 No\r\ncontent-length: 2\r\n\r\nno")
        elif mode == "garbage":
            connection.sendall(random.randbytes(4096))
            return False
        elif mode == "endless":
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\n\r\n")
            for _ in range(200):
                connection.sendall(random.randbytes(65536))
            return False
        elif mode == "half":
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nabc")
            return False
        return True


class contextlib_suppress:  # noqa: N801
    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        return kind is not None and issubclass(kind, OSError)


class CollectorsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.collector = Collector()
        cls.shop = Shop(
            f"http://127.0.0.1:{cls.collector.port}",
            settings={"OTEL_BSP_MAX_QUEUE_SIZE": "500", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "100", "OTEL_EXPORTER_OTLP_TIMEOUT": "1000"})
        cls.addClassCleanup(cls.shop.stop)

    def load(self):
        """Statuses other than 200, and the slowest answer in seconds."""

        def view(_):
            begun = time.monotonic()
            status, _, _ = self.shop.call("GET", "/api/v1/products/LAPTOP-001")
            return status, time.monotonic() - begun

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(view, range(REQUESTS)))
        return [status for status, _ in answers if status != 200]

    def suffer(self, mode):
        """No request fails under this mode, and memory stays bounded."""
        before = {service: self.shop.resident(service) for service in SERVICES}
        self.collector.mode = mode
        try:
            self.assertEqual(self.load(), [])
            self.assertEqual(self.load(), [])
        finally:
            grown = {service: round(self.shop.resident(service) - before[service]) for service in SERVICES}
            self.collector.mode = "well"
        self.assertTrue(all(more < GROWTH for more in grown.values()), f"megabytes more than before: {grown}")

    def dropped(self, reason):
        return self.shop.metric("api-gateway", "telemetry_dropped_total", signal="traces", reason=reason)

    def lost(self):
        return sum(self.dropped(reason) for reason in ("queue_full", "rejected", "retries_exhausted"))

    def exported(self):
        return self.shop.metric("api-gateway", "telemetry_exported_total", signal="traces")

    def failures(self):
        return self.shop.metric("api-gateway", "telemetry_export_failures_total", signal="traces")

    def recovers(self):
        before = self.exported()
        self.load()
        wait_until("spans are exported again", lambda: self.exported() > before)

    def test_1_before_anything_is_wrong_everything_arrives(self):
        self.assertEqual(self.load(), [])
        wait_until("all spans of the gateway", lambda: self.exported() >= 3 * REQUESTS)
        self.assertEqual(self.lost(), 0)

    def test_2_absent(self):
        self.collector.close()
        try:
            self.suffer("well")
            wait_until("what the queue did not hold is counted", lambda: self.dropped("queue_full") > 0)
            wait_until("failures are counted", lambda: self.failures() > 0)
        finally:
            self.collector.open()
        self.recovers()

    def test_3_slow_and_silent(self):
        for mode in ("slow", "silent"):
            with self.subTest(mode):
                before = self.lost()
                self.suffer(mode)
                self.assertGreater(self.lost(), before)
                self.recovers()

    def test_4_busy_and_refusing(self):
        for mode in ("busy", "refusing"):
            with self.subTest(mode):
                before = self.lost()
                self.suffer(mode)
                wait_until("what was lost is counted", lambda before=before: self.lost() > before)
                self.recovers()
        self.assertGreater(self.dropped("rejected"), 0)

    def test_5_garbage(self):
        for mode in ("garbage", "endless", "half"):
            with self.subTest(mode):
                self.suffer(mode)
                self.recovers()

    def test_6_restarting(self):
        over = threading.Event()

        def restart():
            while not over.wait(0.4):
                self.collector.close()
                time.sleep(0.2)
                self.collector.open()

        thread = threading.Thread(target=restart)
        thread.start()
        try:
            self.suffer("well")
        finally:
            over.set()
            thread.join()
        self.recovers()

    def test_7_what_was_lost_arrives_as_a_number(self):
        self.assertGreater(self.lost(), 0)

        def told():
            reasons = {}
            for path, body in list(self.collector.bodies):
                if path != "/v1/metrics":
                    continue
                request = ExportMetricsServiceRequest()
                request.ParseFromString(body)
                for resource in request.resource_metrics:
                    for scope in resource.scope_metrics:
                        for metric in scope.metrics:
                            if metric.name == "telemetry.dropped":
                                for point in metric.sum.data_points:
                                    labels = {item.key: item.value.string_value for item in point.attributes}
                                    if labels["signal"] == "traces":
                                        reasons[labels["reason"]] = reasons.get(labels["reason"], 0) + point.as_double
            return reasons if {"queue_full", "rejected"} <= set(reasons) and sum(reasons.values()) >= self.lost() else None

        # Deltas of all three services, of what was told while somebody listened.
        wait_until("the drops have been told", told)

    def test_8_it_stops_in_time_with_a_collector_that_is_silent(self):
        self.collector.mode = "silent"
        self.load()
        begun = time.monotonic()
        codes = self.shop.stop()
        self.assertEqual(set(codes.values()), {0}, codes)
        # 5 s for the flush of each, one after the other at worst, and a busy machine.
        self.assertLess(time.monotonic() - begun, 60)
