#!/usr/bin/env python3
"""`make footprint`: how long each service takes from exec to its first ready answer, and how much memory it then holds.

Each run starts the binary on a free port with an empty data folder of its own, asks /health/ready until it answers 200, lets it
rest, reads its memory, and stops it with SIGTERM. Memory is PSS (its own pages, and its share of those it has in common with
others) from /proc/PID/smaps_rollup, so this needs Linux.
"""

import argparse
import http.client
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SERVICES = ("inventory-service", "pricing-service", "api-gateway", "console")
# Between two questions at start-up: small against what is measured, large against what asking costs.
POLL_SECONDS = 0.001
# A service that is not ready by then is broken, not slow.
START_LIMIT_SECONDS = 30
# After being ready, before memory is read: first-start work such as seeding has ended.
REST_SECONDS = 0.5


class Failed(Exception):
    """A run that gave no figure; the message says what to do."""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def is_ready(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def memory_kib(pid):
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise Failed(f"/proc/{pid}/smaps_rollup has no Pss line")


def measure(binary, seeded):
    """One run: milliseconds from exec to ready, KiB afterwards, seconds from SIGTERM to exit."""
    with tempfile.TemporaryDirectory(prefix="hello-dd-footprint-") as folder:
        port = free_port()
        environment = os.environ | {
            "HTTP_HOST": "127.0.0.1", "HTTP_PORT": str(port), "DATA_DIR": folder, "KEYS_DIR": f"{folder}/keys",
            "CONSOLE_OTLP_PORT": "0", "LOG_LEVEL": "error", "SEED_CATALOGUE": "true" if seeded else "false",
        }  # fmt: skip
        log = Path(folder) / "log"
        with open(log, "wb") as output:
            started = time.monotonic()
            process = subprocess.Popen([binary], env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            while not is_ready(port):
                if process.poll() is not None:
                    raise Failed(f"{binary.name} ended with {process.returncode}: {log.read_text(errors='replace')[-500:]}")
                if time.monotonic() - started > START_LIMIT_SECONDS:
                    raise Failed(f"{binary.name} was not ready after {START_LIMIT_SECONDS} s: {log.read_text(errors='replace')[-500:]}")
                time.sleep(POLL_SECONDS)
            ready = time.monotonic()
            time.sleep(REST_SECONDS)
            memory = memory_kib(process.pid)
            stopping = time.monotonic()
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=START_LIMIT_SECONDS)
            return (ready - started) * 1000, memory, (time.monotonic() - stopping) * 1000
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=Path, default=Path(".build/debug"), help="the folder with the services' binaries")
    parser.add_argument("--runs", type=int, default=7, help="runs per service (default 7)")
    parser.add_argument("--seed-catalogue", action="store_true", help="count filling the catalogue of the first start too")
    options = parser.parse_args()
    if not Path("/proc/self/smaps_rollup").exists():
        print("footprint needs Linux: /proc/PID/smaps_rollup is not here", file=sys.stderr)
        return 1
    if options.runs < 1:
        print("--runs must be at least 1", file=sys.stderr)
        return 2

    binaries = [(options.bin / name).resolve() for name in SERVICES]
    for binary in binaries:
        if not os.access(binary, os.X_OK):
            print(f"{binary} is not there: make footprint builds it", file=sys.stderr)
            return 1

    print(f"{options.bin}, {options.runs} runs each, {os.cpu_count()} cores; median (least–most)")
    print(f"{'service':20} {'exec to ready':>22} {'memory (PSS)':>24} {'SIGTERM to exit':>22} {'binary':>9}")
    total = 0.0
    try:
        for binary in binaries:
            # The runs of one service follow each other; the first also warms the page cache and is counted like the others.
            runs = [measure(binary, options.seed_catalogue) for _ in range(options.runs)]
            start, memory, stop = (sorted(values) for values in zip(*runs))
            mebibytes = [value / 1024 for value in memory]
            total += statistics.median(mebibytes)

            def span(values, unit, digits):
                return f"{statistics.median(values):.{digits}f} {unit} ({values[0]:.{digits}f}–{values[-1]:.{digits}f})"

            size = f"{binary.stat().st_size / (1 << 20):.1f} MiB"
            print(f"{binary.name:20} {span(start, 'ms', 0):>22} {span(mebibytes, 'MiB', 1):>24} {span(stop, 'ms', 0):>22} {size:>9}")
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{'together':20} {'':>22} {total:>17.1f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
