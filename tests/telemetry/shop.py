"""The three services as processes of their own, their logs in files."""

import json
import os
import signal
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
import uuid
from pathlib import Path

from agent import ROOT, free_port, get, wait_until

BIN = ROOT / ".build" / os.environ.get("CONFIGURATION", "debug")
SERVICES = ["inventory-service", "pricing-service", "api-gateway"]


class Shop:
    """Everything on SQLite, in a folder of its own, with the sample catalogue."""

    def __init__(self, endpoint, services=SERVICES, settings=None):
        self.folder = Path(tempfile.mkdtemp(prefix="hello-dd-traced-"))
        self.ports = {name: free_port() for name in SERVICES}
        self.processes = {}
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "DD_", "TELEMETRY_"))}
        environment = {
            **clean, "DATA_DIR": str(self.folder), "KEYS_DIR": str(self.folder / "keys"), "LOG_FORMAT": "json", "SEED_CATALOGUE": "true",
            "DD_ENV": "test", "OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_METRIC_EXPORT_INTERVAL": "500", "SERVICE_TIMEOUT": "30",
            "HTTP_REQUEST_TIMEOUT_SECONDS": "60", "ORDER_PATIENCE_SECONDS": "30", "SANDBOX_PAUSE_SECONDS": "0",
            "INVENTORY_SERVICE_URL": f"http://127.0.0.1:{self.ports['inventory-service']}",
            "PRICING_SERVICE_URL": f"http://127.0.0.1:{self.ports['pricing-service']}", **(settings or {}),
        }
        if endpoint:
            environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint
        try:
            for name in services:
                # One after the other: the first makes the keys.
                with open(self.folder / f"{name}.log", "wb") as log:
                    self.processes[name] = subprocess.Popen(
                        [BIN / name], env={**environment, "HTTP_PORT": str(self.ports[name])}, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log,
                        stderr=subprocess.STDOUT)
                wait_until(f"{name} is ready", lambda name=name: self._is_ready(name))
        except BaseException:
            self.stop()
            raise

    def _is_ready(self, name):
        if self.processes[name].poll() is not None:
            raise RuntimeError(f"{name} ended: {(self.folder / f'{name}.log').read_text()[-2000:]}")
        try:
            get(f"http://127.0.0.1:{self.ports[name]}/health/ready")
            return True
        except OSError:
            return False

    def stop(self):
        """As an operator would; gives how long the slowest took to be gone, by their exit codes."""
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        codes = {name: process.wait(timeout=120) for name, process in self.processes.items()}
        shutil.rmtree(self.folder, ignore_errors=True)
        return codes

    def token(self, role="shopper"):
        return subprocess.run(
            [BIN / "hello-dd", "token", "--role", role, "--data", self.folder], capture_output=True, text=True, check=True,
            stdin=subprocess.DEVNULL).stdout.strip()

    def call(self, method, path, body=None, token=None, headers=None, timeout=90):
        """(status, headers, JSON)."""
        headers = dict(headers or {})
        if body is not None:
            headers["Content-Type"] = "application/json"
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if method == "POST":
            headers.setdefault("Idempotency-Key", str(uuid.uuid4()))
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports['api-gateway']}{path}", method=method, headers=headers, data=json.dumps(body).encode() if body is not None else None)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.headers, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, error.headers, json.loads(error.read() or b"null")

    def log(self, service):
        """The records that are JSON."""
        lines = (self.folder / f"{service}.log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def metric(self, service, name, **labels):
        """The sum of the series that have these labels; 0 where there is none."""
        total = 0.0
        for line in get(f"http://127.0.0.1:{self.ports[service]}/metrics").splitlines():
            if line.startswith((name + "{", name + " ")) and all(f'{label}="{text}"' in line for label, text in labels.items()):
                total += float(line.rsplit(" ", 1)[1])
        return total

    def resident(self, service):
        """Megabytes."""
        for line in Path(f"/proc/{self.processes[service].pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError("no VmRSS")
