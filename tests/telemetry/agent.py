"""Datadog's APM test agent as a process, and the spans that it has understood."""

import base64
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / ".venv" / "agent" / "bin" / "ddapm-test-agent"
KINDS = {"SPAN_KIND_INTERNAL": "internal", "SPAN_KIND_SERVER": "server", "SPAN_KIND_CLIENT": "client"}

# What a busy machine may take for what a quiet one does in a second or two.
PATIENCE = 120


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until(what, condition, patience=PATIENCE):
    """The condition's value, once it is true."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {patience} s")
        time.sleep(0.1)


def get(url, timeout=10):
    with urllib.request.urlopen(url, timeout=timeout) as answer:
        return answer.read().decode()


@dataclass
class Span:
    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    start: int
    end: int
    failed: bool
    message: str
    attributes: dict
    resource: dict
    events: list = field(default_factory=list)
    links: list = field(default_factory=list)


class Agent:
    def __init__(self):
        if not PROGRAM.exists():
            sys.exit(f"{PROGRAM} is missing: scripts/setup.sh --test installs it")
        self.port, self.otlp_port = free_port(), free_port()
        self.log = open(os.devnull, "wb")  # noqa: SIM115
        self.process = subprocess.Popen(
            [PROGRAM, "--host", "127.0.0.1", "--port", str(self.port), "--otlp-http-port", str(self.otlp_port), "--otlp-grpc-port", str(free_port())],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        wait_until("the test agent answers", self._answers)

    def _answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"the test agent ended with {self.process.returncode}")
        try:
            get(f"http://127.0.0.1:{self.port}/info")
            return True
        except OSError:
            return False

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.otlp_port}"

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()

    def clear(self):
        get(f"http://127.0.0.1:{self.port}/test/session/start")

    def spans(self):
        requests = json.loads(get(f"{self.endpoint}/test/session/traces"))
        return [span for request in requests for span in read(request)]

    def trace(self, trace_id, complete=lambda spans: True):
        """The spans of a trace, once none of them lacks its parent (but the first), and no more have come for a while."""
        seen = {"count": -1, "since": time.monotonic()}

        def arrived():
            spans = [span for span in self.spans() if span.trace_id == trace_id]
            if len(spans) != seen["count"]:
                seen.update(count=len(spans), since=time.monotonic())
            quiet = time.monotonic() - seen["since"] > 1.5
            return spans if spans and quiet and complete(spans) else None

        try:
            return wait_until(f"trace {trace_id} is complete", arrived)
        except AssertionError as error:
            names = sorted(f"{span.service}: {span.name} ({span.span_id} < {span.parent_id})" for span in self.spans() if span.trace_id == trace_id)
            raise AssertionError(f"{error}; what came: {names}") from None


def value(any_value):
    for kind, content in any_value.items():
        kind = kind.replace("_", "").lower()
        if kind == "intvalue":
            return int(content)
        if kind == "arrayvalue":
            return [value(item) for item in content.get("values", [])]
        return content
    return None


def attributes(items):
    return {item["key"]: value(item["value"]) for item in items or []}


def identity(text):
    return base64.b64decode(text).hex() if text else ""


def read(request):
    for resource_spans in request.get("resource_spans", []):
        resource = attributes(resource_spans["resource"].get("attributes"))
        for scope_spans in resource_spans["scope_spans"]:
            for span in scope_spans["spans"]:
                status = span.get("status", {})
                yield Span(
                    service=resource["service.name"], name=span["name"], kind=KINDS.get(span.get("kind"), span.get("kind")),
                    trace_id=identity(span["trace_id"]), span_id=identity(span["span_id"]), parent_id=identity(span.get("parent_span_id")),
                    start=int(span["start_time_unix_nano"]), end=int(span["end_time_unix_nano"]), failed=status.get("code") == "STATUS_CODE_ERROR",
                    message=status.get("message", ""), attributes=attributes(span.get("attributes")), resource=resource,
                    events=[(event["name"], attributes(event.get("attributes"))) for event in span.get("events", [])],
                    links=[(identity(link["trace_id"]), identity(link["span_id"])) for link in span.get("links", [])])
