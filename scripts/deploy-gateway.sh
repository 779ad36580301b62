#!/usr/bin/env bash
# Builds api-gateway, with PostgreSQL and the Ingress and deploys it into the kind cluster; goes back to the version before if it fails. See scripts/deploy.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

exec scripts/deploy.sh "$@" api-gateway
