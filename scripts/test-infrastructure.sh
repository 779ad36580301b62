#!/usr/bin/env bash
# `make test-infrastructure`, a part of `make test`: the Pulumi program against its rules, without AWS and without the Pulumi command.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly PYTHON=.venv/bin/python
readonly CONFIG=infrastructure/pulumi/pyproject.toml
# Of a run of these tests, not of an organisation.
export DD_API_KEY=a-key-of-a-test
unset PULUMI_CONFIG AWS_PROFILE

failed=0

echo "--> ruff"
"$PYTHON" -m ruff check --no-cache --config "$CONFIG" infrastructure/pulumi tests/infrastructure || failed=1

echo "--> mypy --strict"
root=$PWD
mypy() { "$root/$PYTHON" -m mypy --config-file "$root/$CONFIG" --cache-dir "$root/.build/mypy" "$@"; }
(cd infrastructure/pulumi && mypy shop foundation/__main__.py workload/__main__.py) || failed=1
(cd tests/infrastructure && MYPYPATH=$root/infrastructure/pulumi mypy .) || failed=1

echo "--> every stack against mocks and the provider's types; every rule against what breaks it"
(cd tests/infrastructure && "../../$PYTHON" self_test.py) || failed=1

echo "--> the databases and roles on a PostgreSQL server, twice; backup and restore with the books checked after"
bash tests/infrastructure/databases.test.sh || failed=1
scripts/rehearse-restore.sh --without-services || failed=1

[ "$failed" -eq 0 ] || { echo "test-infrastructure: see above" >&2; exit 1; }
echo "test-infrastructure: all of it holds"
