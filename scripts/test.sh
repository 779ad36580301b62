#!/usr/bin/env bash
# `make test`: installs what the tests need, then every check there is. Goes on after a failed step where the next one still
# says something, prints one line a step at the end, and exits non-zero if any failed.
#
# The steps are functions called by name through `step`, which shellcheck cannot see.
# shellcheck disable=SC2317
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly PYTHON=.venv/bin/python
# The tests record each HTTP exchange here (one NDJSON file per process); the validator reads them afterwards.
export HELLO_DD_EXCHANGES="$PWD/.build/exchanges"
# Tests that run at once in a process. Without a bound all thousand begin together, and each waits for all the others.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH="${SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH:-8}"

summary=()
failed=0

# step NAME COMMAND…: runs it, keeps its result and time for the summary.
# Bash ignores `set -e` inside a command whose status is looked at, so the steps below return their failures themselves.
step() {
    local name=$1 started=$SECONDS status=0
    shift
    printf '\n==> %s\n' "$name"
    "$@" || status=$?
    if [ "$status" -eq 0 ]; then
        summary+=("$(printf 'ok      %4d s  %s' $((SECONDS - started)) "$name")")
    else
        summary+=("$(printf 'FAILED  %4d s  %s' $((SECONDS - started)) "$name")")
        failed=1
    fi
    return "$status"
}

finish() {
    printf '\n==> make test, in %d s\n' "$SECONDS"
    printf '    %s\n' "${summary[@]}"
    if [ "$failed" -eq 0 ]; then echo "    all of it passed"; else echo "    not all of it passed: see above" >&2; fi
    exit "$failed"
}

build() {
    local log=.build/make-test-build.log
    mkdir -p .build
    # The log is read for warnings of our own sources; dependencies' are theirs.
    swift build --build-tests 2>&1 | tee "$log" || return 1
    if grep -E "^$(pwd -P)/(platform|inventory-service|pricing-service|api-gateway|console|hello-dd|observability|benchmarks|tests|Snippets)/[^:]+:[0-9]+:[0-9]+: warning:" "$log" >/dev/null; then
        echo "warnings in our own sources count as errors here" >&2
        return 1
    fi
}

swift_tests() {
    rm -rf "$HELLO_DD_EXCHANGES" && mkdir -p "$HELLO_DD_EXCHANGES" || return 1
    # The whole system as real processes comes after the rest, and what computes without a pause before it, so that none starves the other of
    # the few cores: what is served beside it would be late.
    swift test --skip-build --filter '^SimulationTests\.' || return 1
    swift test --skip-build --skip '^(DatabaseTests|SystemTests|SimulationTests)\.' || return 1
    swift test --skip-build --filter '^SystemTests\.' --skip '^SystemTests\.OverloadTests' || return 1
    # By itself, because it must offer four times what a service can do, and prove it.
    swift test --skip-build --filter '^SystemTests\.OverloadTests'
}

# On both engines; by themselves, so that their output can be counted.
database_tests() {
    local log=.build/make-test-database.log
    swift test --skip-build --filter '^DatabaseTests\.' 2>&1 | tee "$log" || return 1
    python3 scripts/database-contract.py "$log"
}

# Where there is no PostgreSQL the contract must fail: a test that skipped would look like one that passed.
no_postgres_no_pass() {
    local log=.build/make-test-no-postgres.log
    if POSTGRES_BIN=/nonexistent swift test --skip-build --filter '^DatabaseTests\.DatabaseContract' >"$log" 2>&1; then
        echo "the database's contract passed although there was no PostgreSQL: see $log" >&2
        return 1
    fi
    grep -q 'notInstalled\|install PostgreSQL' "$log" || { echo "it failed for another reason than that: see $log" >&2; return 1; }
    echo "without PostgreSQL the contract fails, and says what to install"
}

# Likewise of Redis.
no_redis_no_pass() {
    local log=.build/make-test-no-redis.log
    if REDIS_SERVER=/nonexistent swift test --skip-build --filter '^(RedisTests\.RedisClientTests|CachingTests\.SharedCacheTests)' >"$log" 2>&1; then
        echo "the tests of Redis passed although there was none: see $log" >&2
        return 1
    fi
    grep -q 'which is no program: install it' "$log" || { echo "they failed for another reason than that: see $log" >&2; return 1; }
    echo "without Redis its tests fail, and say what to install"
}

# `make test-schemathesis` sends three times as many, from another seed each time.
schemathesis() { "$PYTHON" tests/schemathesis/run.py --examples 2 --phases examples,coverage,fuzzing --seed 20260115 --at-least 5000; }

database_soak() { swift run --skip-build DatabaseSoak 5000; }

browser_tests() { "$PYTHON" tests/browser/run.py --bin .build/debug; }

script_tests() {
    local status=0 file
    for file in tests/scripts/*.test.sh; do
        echo "--> $file"
        bash "$file" || status=1
    done
    return "$status"
}

step "setup: what the tests need" scripts/setup.sh --test || finish
step "lint" scripts/lint.sh || true
step "scripts: their own tests" script_tests || true
step "openapi: the validator's own tests" "$PYTHON" tests/openapi/self_test.py || true
step "containers and Kubernetes: the rules' own tests" "$PYTHON" tests/k8s/self_test.py || true
step "containers and Kubernetes: manifests, compose file and Dockerfile keep the rules" "$PYTHON" tests/k8s/check.py || true
step "infrastructure: the Pulumi program, its rules, the databases, a restore" scripts/test-infrastructure.sh || true
step "openapi: each service embeds what its openapi.yaml says" "$PYTHON" scripts/render-openapi.py --check || true
step "swift build --build-tests" build || finish
step "observability: dashboards, monitors and rules are what they are generated as" .build/debug/hello-dd observability render --check || true
step "observability: the checks find the faults that are planted" "$PYTHON" tests/observability/self_test.py || true
step "observability: models, names, runbooks, and every alert on synthetic series" "$PYTHON" tests/observability/check.py || true
step "swift test: the database, on both engines" database_tests || true
step "swift test: without PostgreSQL the contract fails" no_postgres_no_pass || true
step "swift test: without Redis its tests fail" no_redis_no_pass || true
step "database: descriptors and memory after 5,000 queries" database_soak || true
step "swift test" swift_tests || true
step "observability: alerts come and go in a running shop; what is emitted is declared, what is asked for is emitted" \
    "$PYTHON" tests/observability/running.py || true
step "telemetry: the encoder's golden bytes are OpenTelemetry's" "$PYTHON" tests/telemetry/golden.py || true
step "telemetry: traces of a running shop at Datadog's test agent, with OpenTelemetry's kit, and with collectors that misbehave" \
    "$PYTHON" tests/telemetry/run.py || true
step "browser: the console's page, and its receiver with OpenTelemetry's own sender" browser_tests || true
step "schemathesis: generated requests, from a fixed seed" schemathesis || true
step "openapi: every exchange of the tests is as documented" "$PYTHON" tests/openapi/validate_exchanges.py "$HELLO_DD_EXCHANGES" || true
finish
