"""Runs the twin without instrumentation, with `ddtrace-run`, with a span of its own, and with OpenTelemetry's automatic instrumentation, and
prints the spans that Datadog's test agent received for one product view, and for one whose price cannot be had.

    python3 -m venv .venv-twin && .venv-twin/bin/pip install -r requirements.txt
    python3 -m venv .venv-agent && .venv-agent/bin/pip install -r requirements-agent.txt
    python3 measure.py .venv-twin .venv-agent
"""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def get(url, token=None):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers={"X-Datadog-Test-Session-Token": token} if token else {}), timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def until(url):
    for _ in range(300):
        with contextlib.suppress(OSError):
            if get(url)[0] == 200:
                return
        time.sleep(0.2)
    raise SystemExit(f"{url} does not answer")


@contextlib.contextmanager
def process(arguments, environment):
    child = subprocess.Popen(
        [str(item) for item in arguments], env={**os.environ, **environment}, cwd=HERE, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    try:
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(timeout=60)


def run(name, twin, agent, wrapper=(), module="twin", environment=None, otlp=False):
    """The spans of one good and one failing view, in the order of their start."""
    port, otlp_port, grpc = free_port(), free_port(), free_port()
    ports = {role: free_port() for role in ("gateway", "inventory", "pricing")}
    listed = {}
    with contextlib.ExitStack() as stack:
        stack.enter_context(
            process([agent / "bin" / "ddapm-test-agent", "--port", port, "--otlp-http-port", otlp_port, "--otlp-grpc-port", grpc, "--web-ui-port", 0], {}))
        until(f"http://127.0.0.1:{port}/info")
        for role, own in ports.items():
            settings = {
                "ROLE": role, "INVENTORY_URL": f"http://127.0.0.1:{ports['inventory']}", "PRICING_URL": f"http://127.0.0.1:{ports['pricing']}",
                "DD_SERVICE": role, "DD_ENV": "test", "DD_TRACE_AGENT_URL": f"http://127.0.0.1:{port}", "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
                "DD_REMOTE_CONFIGURATION_ENABLED": "false", "OTEL_SERVICE_NAME": role, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{otlp_port}",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_BSP_SCHEDULE_DELAY": "200", "OTEL_METRICS_EXPORTER": "none",
                "OTEL_LOGS_EXPORTER": "none", "DD_TRACE_PARTIAL_FLUSH_ENABLED": "false", **(environment or {}),
            }
            stack.enter_context(process(
                [*(twin / "bin" / item if index == 0 else item for index, item in enumerate(wrapper)), twin / "bin" / "python", "-m", "uvicorn", f"{module}:app", "--port", own,
                 "--log-level", "critical"], settings))
        for own in ports.values():
            until(f"http://127.0.0.1:{own}/health")
        time.sleep(3)
        for case, path in (("view", "gateway:/products/LAPTOP-001"), ("failing", "gateway:/products/BROKEN-001"), ("own", "pricing:/prices/LAPTOP-001/now")):
            role, _, path = path.partition(":")
            if case == "own" and module == "twin":
                continue
            target = otlp_port if otlp else port
            get(f"http://127.0.0.1:{target}/test/session/clear")
            get(f"http://127.0.0.1:{ports[role]}{path}")
            time.sleep(4)
            listed[case] = spans_otlp(target) if otlp else spans_datadog(target)
    print(f"\n## {name}\n")
    for case, spans in listed.items():
        print(f"{case}: {len(spans)} spans")
        for span in spans:
            print("   ", span)
    return listed


def tree(spans):
    """Children below their parents, in the order of their start: (depth, span)."""
    known = {span["id"] for span in spans}

    def below(parent, depth):
        for span in sorted((s for s in spans if (s["parent"] if s["parent"] in known else None) == parent), key=lambda s: s["start"]):
            yield depth, span
            yield from below(span["id"], depth + 1)

    return [f"{'  ' * depth}{span['text']}" for depth, span in below(None, 0)]


def spans_datadog(port):
    traces = json.loads(get(f"http://127.0.0.1:{port}/test/session/traces")[1])
    spans = [
        {
            "id": span["span_id"], "parent": span.get("parent_id"), "start": span["start"],
            "text": f"{span['service']} · {span['name']} · {span['resource']}" + (" · error" if span.get("error") else "")
            + (f" · {span['meta'].get('http.status_code')}" if span.get("meta", {}).get("http.status_code") else ""),
        } for trace in traces for span in trace if "/health" not in span["resource"]
    ]
    return tree(spans)


def spans_otlp(port):
    status, text = get(f"http://127.0.0.1:{port}/test/session/traces")
    found = []
    for request in json.loads(text):
        for resource in request.get("resource_spans", request.get("resourceSpans", [])):
            attributes = {item["key"]: item["value"] for item in resource["resource"]["attributes"]}
            service = next(iter(attributes["service.name"].values()))
            for scope in resource.get("scope_spans", resource.get("scopeSpans", [])):
                for span in scope["spans"]:
                    own = {item["key"]: next(iter(item["value"].values())) for item in span.get("attributes", [])}
                    if "/health" in str(own):
                        continue
                    failed = str(span.get("status", {}).get("code", "")) in ("2", "STATUS_CODE_ERROR")
                    code = own.get("http.status_code") or own.get("http.response.status_code")
                    found.append({
                        "id": span.get("span_id") or span.get("spanId"), "parent": span.get("parent_span_id") or span.get("parentSpanId"),
                        "start": int(span.get("start_time_unix_nano") or span.get("startTimeUnixNano") or 0),
                        "text": f"{service} · {span['name']} · {span.get('kind')}" + (" · error" if failed else "") + (f" · {code}" if code else ""),
                    })
    return tree(found)


def main():
    twin, agent = (pathlib.Path(item).resolve() for item in sys.argv[1:3])
    run("none", twin, agent)
    run("ddtrace-run", twin, agent, ["ddtrace-run"])
    run("ddtrace-run and a span of its own", twin, agent, ["ddtrace-run"], module="manual")
    run("opentelemetry-instrument", twin, agent, ["opentelemetry-instrument"], otlp=True)


if __name__ == "__main__":
    main()
