#!/usr/bin/env bash
# Removes the kind cluster and all that is in it, its databases too. The secrets in k8s/overlays/kind/secrets stay for the next one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly CLUSTER=${CLUSTER:-hello-dd}

case "${1:-}" in
    "") ;;
    -h | --help) echo "usage: scripts/kind-down.sh"; exit 0 ;;
    *) echo "usage: scripts/kind-down.sh" >&2; exit 2 ;;
esac

command -v kind >/dev/null || { echo "kind-down: kind is not on the PATH" >&2; exit 1; }
if kind get clusters 2>/dev/null | grep -qx "$CLUSTER"; then
    kind delete cluster --name "$CLUSTER"
else
    echo "there is no cluster '$CLUSTER'"
fi
