#!/usr/bin/env python3
"""What telemetry costs the product view: 100 % sampling against OTEL_SDK_DISABLED=true, in alternating rounds. See README.md beside it."""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "telemetry"))
os.environ.setdefault("CONFIGURATION", "release")

from agent import free_port  # noqa: E402
from shop import BIN, Shop  # noqa: E402

BENCH = BIN / "TelemetryBench"
PATH = "/api/v1/products/LAPTOP-001"
TARGET = 0.95
# One address asks for all of it, as fast as it can: neither the rate limit nor shedding is what is measured.
OPEN_DOOR = {
    "RATE_LIMIT_ADDRESS_PER_SECOND": "1000000", "RATE_LIMIT_ADDRESS_BURST": "1000000", "SHED_QUEUE_TIME_SECONDS": "10", "SHED_PATIENCE_SECONDS": "60",
}


def load(shop, connections, seconds):
    """(answers a second, median in microseconds, 99th percentile)."""
    result = subprocess.run(
        [BENCH, "load", str(shop.ports["api-gateway"]), PATH, str(connections), str(seconds)], capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL)
    if result.returncode != 0:
        sys.exit(result.stderr)
    return tuple(int(part) for part in result.stdout.split())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--costs", action="store_true", help="only what a span costs")
    arguments = parser.parse_args()

    subprocess.run([BENCH, "costs"], check=True, stdin=subprocess.DEVNULL)
    if arguments.costs:
        return
    port = free_port()
    sink = subprocess.Popen([BENCH, "sink", str(port)], stdin=subprocess.DEVNULL)
    # As it is run: the logs of both go to a file, at the usual level, and metrics are told every ten seconds.
    usual = {"OTEL_BSP_SCHEDULE_DELAY": "1000", "OTEL_METRIC_EXPORT_INTERVAL": "10000"}
    shops = {}
    try:
        shops["off"] = Shop(None, settings={**OPEN_DOOR, "OTEL_SDK_DISABLED": "true"})
        shops["on"] = Shop(f"http://127.0.0.1:{port}", settings={**OPEN_DOOR, **usual})
        runs = {"off": [], "on": []}
        for round_number in range(arguments.rounds + 1):
            # Whoever is first in a round is second in the next.
            for name in ("off", "on") if round_number % 2 == 0 else ("on", "off"):
                run = load(shops[name], arguments.connections, 1 if round_number == 0 else arguments.seconds)
                if round_number > 0:
                    runs[name].append(run)
        dropped = shops["on"].metric("api-gateway", "telemetry_dropped_total", signal="traces")
        exported = shops["on"].metric("api-gateway", "telemetry_exported_total", signal="traces")
        print(f"\nproduct view, {arguments.connections} connections, medians of {arguments.rounds} alternating rounds of {arguments.seconds:g} s")
        for name in ("off", "on"):
            rate, median, p99 = (statistics.median(run[index] for run in runs[name]) for index in range(3))
            spread = (max(run[0] for run in runs[name]) - min(run[0] for run in runs[name])) / rate
            print(f"  telemetry {name:3}  {rate:8.0f}/s  median {median / 1000:7.2f} ms  p99 {p99 / 1000:7.2f} ms  spread {spread:4.0%}")
        ratios = [on[0] / off[0] for on, off in zip(runs["on"], runs["off"])]
        ratio = statistics.median(ratios)
        print(f"  ratio {ratio:.3f} (of each round: {', '.join(f'{one:.2f}' for one in ratios)}); the target is {TARGET}: {'met' if ratio >= TARGET else 'missed'}")
        print(f"  the gateway exported {exported:.0f} spans and dropped {dropped:.0f}")
    finally:
        for shop in shops.values():
            shop.stop()
        sink.terminate()
        sink.wait()


if __name__ == "__main__":
    main()
