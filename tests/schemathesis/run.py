#!/usr/bin/env python3
"""Sends the running shop what Schemathesis makes of the three OpenAPI documents, right and wrong requests.

No 5xx, no status and no answer that a document does not name, no wrong input taken. The shop consists of real processes; each service
gets the requests itself, and the gateway as an operator, as a shopper and from nobody.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
# A slow machine must not look like a broken service: nothing here is about time.
# Not generated: what makes the rest answer 503 on purpose. A breaker that is set by hand refuses every call behind it, and one cascade is shown
# at a time. Both have tests of their own.
SOURCES = {
    "api-gateway": "api-gateway/Sources/Gateway/Resources/openapi.json",
    "inventory-service": "inventory-service/Sources/InventoryService/Resources/openapi.json",
    "pricing-service": "pricing-service/Sources/PricingService/Resources/openapi.json",
}
LEFT_OUT = r"^(/api/v1/admin/breakers/.+|/health/cascade)$"
PATIENT = {
    "SERVICE_TIMEOUT": "60",
    "HTTP_REQUEST_TIMEOUT_SECONDS": "120",
    "ORDER_PATIENCE_SECONDS": "30",
    "SANDBOX_PAUSE_SECONDS": "0",
    # A generated fault would do what it is for: answer 500.
    "FAULTS_ENABLED": "false",
}


@dataclass
class Run:
    """One service as one caller sees it."""

    name: str
    service: str
    token: list[str]  # of `hello-dd token`; empty: nobody


RUNS = [
    Run("inventory-service", "inventory-service", ["--service", "inventory"]),
    Run("pricing-service", "pricing-service", ["--service", "pricing"]),
    Run("api-gateway, operator", "api-gateway", ["--role", "operator"]),
    Run("api-gateway, shopper", "api-gateway", ["--role", "shopper"]),
    Run("api-gateway, nobody", "api-gateway", []),
]


class Shop:
    """A shop of its own, in a folder that goes away with it."""

    def __init__(self, programs, arguments):
        self.program = programs / "hello-dd"
        self.arguments = arguments
        self.folder = tempfile.TemporaryDirectory(prefix="schemathesis-")

    def command(self, *arguments):
        environment = {**os.environ, **PATIENT}
        done = subprocess.run(
            [str(self.program), *arguments, "--data", self.folder.name], env=environment, capture_output=True, text=True, timeout=180, check=False
        )
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def __enter__(self):
        ports = [text for name in ("gateway", "inventory", "pricing") for text in (f"--{name}-port", "0")]
        self.command("up", "--detach", "--no-console", *ports, *self.arguments)
        return self

    def __exit__(self, *_):
        try:
            self.command("down", "--now")
        finally:
            self.folder.cleanup()

    def status(self):
        return {service["service"]: service for service in json.loads(self.command("status", "--json"))["services"]}


def schemathesis(run, shop, ports, options, reports):
    """The report of one run, and what it printed."""
    url = f"http://127.0.0.1:{ports[run.service]}"
    report = reports / f"{run.name.replace(', ', '-')}.json"
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(HERE / "schemathesis.toml"), "run", f"{url}/openapi.json",
        "--exclude-path-regex", LEFT_OUT,
        "--url", url, "--phases", options.phases, "--max-examples", str(options.examples), "--seed", str(options.seed),
        "--workers", "1", "--no-shrink", "--continue-on-failure", "--request-timeout", "120", "--generation-database", "none",
        "--suppress-health-check", "all", "--no-color", "--report", "json", "--report-json-path", str(report),
    ]  # fmt: skip
    if run.token:
        command += ["--header", f"Authorization: Bearer {shop.command('token', *run.token)}"]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE)}
    done = subprocess.run(command, env=environment, cwd=reports, capture_output=True, text=True, check=False)
    if not report.exists():
        raise SystemExit(f"{run.name}: {done.stdout}{done.stderr}")
    return json.loads(report.read_text()), done.stdout


def left_out(service):
    """How many operations of a service's document are not generated."""
    paths = json.loads((ROOT / SOURCES[service]).read_text())["paths"]
    methods = {"get", "put", "post", "patch", "delete"}
    return sum(len(methods & item.keys()) for path, item in paths.items() if re.search(LEFT_OUT, path))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=Path, default=ROOT / ".build/debug", help="the folder with hello-dd and the services")
    parser.add_argument("--examples", type=int, default=130, help="generated requests an operation and phase, at most")
    parser.add_argument("--phases", default="examples,coverage,fuzzing,stateful")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="replays a run (default: another each time)")
    parser.add_argument("--at-least", type=int, default=20_000, help="fail if fewer requests were generated")
    parser.add_argument("--up", action="append", default=[], metavar="ARGUMENT", help="given to `hello-dd up`, such as --up=--with-servers")
    options = parser.parse_args()

    started = time.monotonic()
    failed = False
    total = 0
    with tempfile.TemporaryDirectory() as reports, Shop(options.bin.resolve(), options.up) as shop:
        before = shop.status()
        ports = {name: service["port"] for name, service in before.items()}
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
            outcomes = list(pool.map(lambda run: schemathesis(run, shop, ports, options, Path(reports)), RUNS))
        print(f"{'who':26} {'operations':>10} {'requests':>9} {'failures':>9} {'errors':>7}   seed {options.seed}")
        for run, (report, output) in zip(RUNS, outcomes):
            cases, operations = report["test_cases"], report["operations"]
            errors = len(report["errors"])
            total += cases["generated"]
            print(f"{run.name:26} {operations['tested']:>10} {cases['generated']:>9} {cases['unique_failures']:>9} {errors:>7}")
            if cases["unique_failures"] or errors or not report["complete"] or operations["tested"] != operations["total"] - left_out(run.service):
                failed = True
                begin = min((output.find(title) for title in ("= ERRORS =", "= FAILURES =") if title in output), default=0)
                print(output[begin : begin + 20_000])
        for name, service in shop.status().items():
            if service["pid"] != before[name]["pid"]:
                failed = True
                print(f"{name} did not survive: it was started again")
    print(f"{total} requests generated, in {time.monotonic() - started:.0f} s")
    if total < options.at_least:
        failed = True
        print(f"fewer than {options.at_least}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
