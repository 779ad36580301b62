#!/usr/bin/env bash
# Builds and deploys all three services into the kind cluster, callees first, and tests the shop through the Ingress. See scripts/deploy.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

for argument in "$@"; do
    case $argument in
        -h | --help) exec scripts/deploy.sh --help ;;
        *) echo "usage: scripts/deploy-full-system.sh [--help]" >&2; exit 2 ;;
    esac
done

scripts/deploy.sh inventory-service pricing-service api-gateway
exec scripts/test-full-system.sh kind
