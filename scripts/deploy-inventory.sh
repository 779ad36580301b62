#!/usr/bin/env bash
# Builds inventory-service, with PostgreSQL and deploys it into the kind cluster; goes back to the version before if it fails. See scripts/deploy.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

exec scripts/deploy.sh "$@" inventory-service
