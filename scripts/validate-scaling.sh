#!/usr/bin/env bash
# Watches an autoscaler do its work: load on, replicas up, load off, replicas down.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/shop-target.sh
source scripts/shop-target.sh

readonly SERVICE=${1:-api-gateway}
readonly RATE=${RATE:-300}
# Seconds between two looks, and the longest either way may take.
readonly INTERVAL=${INTERVAL:-10}
readonly PATIENCE=${PATIENCE:-300}

usage() {
    cat <<'TEXT'
usage: scripts/validate-scaling.sh [SERVICE]      SERVICE: inventory-service, pricing-service, api-gateway (the default)

Offers the shop in the kind cluster visitors at a constant rate until SERVICE has more replicas than before, stops, and waits until it has
as few again. Prints a line a look, and at the end what held.

environment: RATE (300 visitors a second), INTERVAL (10 seconds between two looks), PATIENCE (300 seconds each way)

exit status: 0 it went up and down again, 1 it did not, 2 wrong usage
TEXT
}

case $SERVICE in
    -h | --help) usage; exit 0 ;;
    inventory-service | pricing-service | api-gateway) ;;
    *) usage >&2; exit 2 ;;
esac
[ $# -le 1 ] || { usage >&2; exit 2; }
command -v kubectl >/dev/null || { echo "validate-scaling: kubectl is not on the PATH" >&2; exit 1; }

url='' keys=''
shop_target kind
kube() { kubectl --context "kind-${CLUSTER:-hello-dd}" --namespace hello-dd "$@"; }

# look: sets `replicas` and `cpu` (percent of the request; a dash until it was measured).
look() {
    local answer
    answer=$(kube get horizontalpodautoscaler "$SERVICE" \
        --output 'jsonpath={.status.currentReplicas}/{.status.currentMetrics[0].resource.current.averageUtilization}')
    replicas=${answer%%/*}
    cpu=${answer#*/}
    cpu=${cpu:--}
    replicas=${replicas:-0}
}

row() { printf '%7s  %-5s  %5s  %8s\n' "$1" "$2" "$3" "$4"; }

load=
stop_load() {
    if [ -n "$load" ] && kill -0 "$load" 2>/dev/null; then
        kill -TERM "$load" 2>/dev/null || true
        wait "$load" 2>/dev/null || true
    fi
    load=
}
trap stop_load EXIT

fewest=$(kube get horizontalpodautoscaler "$SERVICE" --output 'jsonpath={.spec.minReplicas}')
[ -n "$fewest" ] || { echo "validate-scaling: $SERVICE has no autoscaler in the cluster: scripts/deploy-full-system.sh" >&2; exit 1; }
replicas=0 cpu=-
look
before=$replicas
most=$replicas
started=$SECONDS
up_after='' down_after=''

echo "==> $SERVICE, from $before replicas, at $RATE visitors a second"
row seconds load "cpu %" replicas
hello_dd_command load --rate "$RATE" --duration "$((PATIENCE + 60))s"
"${hello_dd[@]}" >/dev/null 2>&1 &
load=$!
while [ $((SECONDS - started)) -le "$PATIENCE" ]; do
    look
    row $((SECONDS - started)) on "$cpu" "$replicas"
    if [ "$replicas" -gt "$most" ]; then most=$replicas; fi
    if [ "$replicas" -gt "$before" ]; then up_after=$((SECONDS - started)); break; fi
    kill -0 "$load" 2>/dev/null || { echo "validate-scaling: the load ended by itself: is the shop up?" >&2; exit 1; }
    sleep "$INTERVAL"
done
stop_load
if [ -z "$up_after" ]; then
    echo "FAILED: after $PATIENCE s of load there are still $replicas replicas"
    exit 1
fi

quiet=$SECONDS
while [ $((SECONDS - quiet)) -le "$PATIENCE" ]; do
    look
    row $((SECONDS - started)) off "$cpu" "$replicas"
    if [ "$replicas" -gt "$most" ]; then most=$replicas; fi
    if [ "$replicas" -le "$fewest" ]; then down_after=$((SECONDS - quiet)); break; fi
    sleep "$INTERVAL"
done
if [ -z "$down_after" ]; then
    echo "FAILED: $PATIENCE s after the load there are still $replicas replicas, and $fewest are enough"
    exit 1
fi
echo "ok: up to $most replicas, the first more after $up_after s; down to $replicas again $down_after s after the load"
