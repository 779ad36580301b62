#!/usr/bin/env bash
# Format and style of everything that is source here. Usage: scripts/lint.sh [--fix]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fix=false
case "${1:-}" in
    "") ;;
    --fix) fix=true ;;
    *) echo "usage: scripts/lint.sh [--fix]" >&2; exit 2 ;;
esac

folders=(platform inventory-service pricing-service api-gateway console hello-dd observability benchmarks tests Snippets)

if $fix; then
    swift format format --in-place --parallel --recursive Package.swift "${folders[@]}"
    echo "formatted: Package.swift ${folders[*]}"
    exit 0
fi

failed=0

echo "--> swift format lint --strict"
swift format lint --strict --parallel --recursive Package.swift "${folders[@]}" || failed=1

echo "--> shellcheck"
shell_files=(.ci/run scripts/*.sh tests/scripts/*.sh tests/containers/*.sh k8s/*/*.sh tests/infrastructure/*.sh)
if command -v shellcheck >/dev/null; then
    shellcheck -x "${shell_files[@]}" || failed=1
else
    echo "shellcheck is not installed: scripts/setup.sh --test brings it" >&2
    failed=1
fi

echo "--> python: every script compiles"
# Into memory only: a linter leaves nothing behind.
python3 - scripts/*.py tests/openapi/*.py tests/k8s/*.py tests/browser/*.py tests/observability/*.py tests/telemetry/*.py tests/infrastructure/*.py infrastructure/pulumi/*/*.py <<'PYTHON' || failed=1
import sys
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        compile(file.read(), path, "exec")
PYTHON

echo "--> hadolint"
if [ -x .venv/bin/hadolint ]; then
    .venv/bin/hadolint Dockerfile || failed=1
else
    echo "hadolint is not installed: scripts/setup.sh --test brings it" >&2
    failed=1
fi

if [ "$failed" -eq 0 ]; then echo "lint: clean"; else echo "lint: see above ('make format' mends the Swift format)" >&2; fi
exit "$failed"
