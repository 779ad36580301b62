#!/usr/bin/env bash
# Asks every service of a running shop whether it is ready, and what it depends on.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/shop-target.sh
source scripts/shop-target.sh

readonly SERVICES=(inventory-service pricing-service api-gateway)

usage() {
    cat <<'TEXT'
usage: scripts/health-check.sh TARGET

TARGET: embedded, compose, kind, or the gateway's URL (which says how the services behind it are)

exit status: 0 every service is ready, 1 one is not, 2 wrong usage
TEXT
}

case "${1:-}" in -h | --help) usage; exit 0 ;; esac
url='' keys=''
if [ $# -ne 1 ] || ! shop_target "$1"; then usage >&2; exit 2; fi
: "$keys" # the target's keys are of no use here

failed=0
report() { # SERVICE STATUS DETAIL
    printf '  %-18s %-10s %s\n' "$1" "$2" "$3"
    [ "$2" = ready ] || failed=1
}

# dependencies BODY: "database up, inventory up" from the answer of /health.
dependencies() { tr -d ' \n' <<<"$1" | grep -oE '"name":"[^"]*"[^}]*"status":"(up|down)"' | sed -E 's/"name":"([^"]*)".*"status":"([^"]*)"/\1 \2/' | paste -sd, - || true; }

by_http() { # SERVICE URL
    local body
    if curl --silent --fail --max-time 5 --output /dev/null "$2/health/ready"; then
        body=$(curl --silent --max-time 5 "$2/health" || true)
        report "$1" ready "$(dependencies "$body")"
    else
        report "$1" "not ready" "$2"
    fi
}

by_kubectl() { # SERVICE
    local kube=(kubectl --context "kind-${CLUSTER:-hello-dd}" --namespace hello-dd) ready wanted
    ready=$("${kube[@]}" get deployment "$1" --ignore-not-found --output 'jsonpath={.status.readyReplicas}' || true)
    wanted=$("${kube[@]}" get deployment "$1" --ignore-not-found --output 'jsonpath={.spec.replicas}' || true)
    if [ -n "$wanted" ] && [ "${ready:-0}" -eq "$wanted" ]; then
        report "$1" ready "$ready of $wanted replicas"
    else
        report "$1" "not ready" "${ready:-0} of ${wanted:-0} replicas"
    fi
}

case $1 in
    embedded | compose)
        by_http inventory-service "http://127.0.0.1:${INVENTORY_PORT:-8001}"
        by_http pricing-service "http://127.0.0.1:${PRICING_PORT:-8002}"
        by_http api-gateway "$url"
        ;;
    kind)
        for service in "${SERVICES[@]}"; do by_kubectl "$service"; done
        by_http "Ingress" "$url"
        ;;
    *) by_http api-gateway "$url" ;;
esac
exit "$failed"
