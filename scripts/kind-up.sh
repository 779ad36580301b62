#!/usr/bin/env bash
# Makes the kind cluster with what the shop expects of one: an Ingress controller and a metrics server. Run again, it only completes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly CLUSTER=${CLUSTER:-hello-dd}

usage() {
    cat <<'TEXT'
usage: scripts/kind-up.sh

Makes the kind cluster "hello-dd": three nodes, port 8080 of this machine led to its Ingress controller (Traefik), and a metrics server for
the autoscalers. Needs docker, kind (v0.24 or newer, whose network enforces policies) and kubectl, and some 4 GB of memory for the shop.
TEXT
}

say() { printf '==> %s\n' "$*"; }
fail() { printf 'kind-up: %s\n' "$*" >&2; exit 1; }
kube() { kubectl --context "kind-$CLUSTER" "$@"; }

case "${1:-}" in
    "") ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
esac

for tool in docker kind kubectl; do command -v "$tool" >/dev/null || fail "$tool is not on the PATH"; done
docker info >/dev/null 2>&1 || fail "no Docker engine answers"

if kind get clusters 2>/dev/null | grep -qx "$CLUSTER"; then
    say "the cluster '$CLUSTER' is there"
else
    say "making the cluster '$CLUSTER'"
    kind create cluster --name "$CLUSTER" --config k8s/cluster/kind.yaml --wait 180s || fail "the cluster cannot be made (is port 8080 taken?)"
fi

say "the Ingress controller and the metrics server"
kube apply --kustomize k8s/cluster/traefik
kube apply --kustomize k8s/cluster/metrics-server
kube --namespace traefik rollout status deployment/traefik --timeout 180s || fail "the Ingress controller does not become ready"
kube --namespace kube-system rollout status deployment/metrics-server --timeout 180s || fail "the metrics server does not become ready"
say "ready: deploy with scripts/deploy-full-system.sh, then look at http://localhost:8080/docs"
