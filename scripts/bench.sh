#!/usr/bin/env bash
# scripts/bench.sh NAME [ARGUMENT…]: builds and runs a benchmark; without a name it lists them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

list() {
    echo "benchmarks, run by: make bench BENCH=NAME"
    for readme in benchmarks/*/README.md; do
        printf '  %-12s %s\n' "$(basename "$(dirname "$readme")")" "$(sed -n '1s/^# //p' "$readme")"
    done
}

name=${1:-}
[ $# -gt 0 ] && shift
case "$name" in
    "") list ;;
    inventory)
        scripts/setup.sh --test
        for product in InventoryBench inventory-service; do
            echo "==> building $product (release)"
            swift build -c release --product "$product"
        done
        exec .build/release/InventoryBench "$@"
        ;;
    resilience)
        echo "==> building ResilienceBench (release)"
        swift build -c release --product ResilienceBench
        exec .build/release/ResilienceBench "$@"
        ;;
    cache)
        scripts/setup.sh --test
        echo "==> building CacheBench (release)"
        swift build -c release --product CacheBench
        exec .build/release/CacheBench "$@"
        ;;
    telemetry)
        scripts/setup.sh --test
        for product in TelemetryBench inventory-service pricing-service api-gateway; do
            echo "==> building $product (release)"
            swift build -c release --product "$product"
        done
        exec .venv/bin/python benchmarks/telemetry/run.py "$@"
        ;;
    *)
        echo "there is no benchmark \"$name\"" >&2
        list >&2
        exit 64
        ;;
esac
