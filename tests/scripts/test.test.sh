#!/usr/bin/env bash
# scripts/test.sh: a step that fails makes the whole run fail, whichever it is. Run in a copy where every step is a stand-in.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/scripts/assertions.sh
source tests/scripts/assertions.sh

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder"/{scripts,tests/scripts,tests/openapi,.venv/bin,bin}
cp scripts/test.sh scripts/database-contract.py "$folder/scripts/"

# stand_in PATH SCRIPT: a command that leaves its name in `ran`, then does SCRIPT.
stand_in() {
    printf '#!%s\necho "%s $*" >>"%s/ran"\n%s\n' "$(command -v bash)" "$1" "$folder" "$2" >"$folder/$1"
    chmod +x "$folder/$1"
}

# Builds, passes its tests on both engines, and fails without PostgreSQL and without Redis.
# shellcheck disable=SC2016 # the stand-in expands it
readonly GOOD_SWIFT='
[ -z "${POSTGRES_BIN:-}" ] || { echo "notInstalled"; exit 1; }
[ -z "${REDIS_SERVER:-}" ] || { echo "/nonexistent, which is no program: install it"; exit 1; }
[ "$1" = test ] || echo "Build complete!"
for engine in sqlite postgres; do echo "◇ Test case passing 1 argument engine → .$engine to \"a rule\" started."; done
echo "Test run with 7 tests passed after 0.1 seconds."'

# all_well: every stand-in succeeds.
all_well() {
    stand_in scripts/setup.sh 'exit 0'
    stand_in scripts/lint.sh 'exit 0'
    stand_in scripts/test-infrastructure.sh 'exit 0'
    stand_in tests/scripts/a.test.sh 'exit 0'
    stand_in .venv/bin/python 'exit 0'
    mkdir -p "$folder/.build/debug"
    stand_in .build/debug/hello-dd 'exit 0'
    stand_in bin/swift "$GOOD_SWIFT"
    rm -f "$folder/ran"
}

run() { PATH=$folder/bin:$PATH "$folder/scripts/test.sh"; }

all_well
expect 0 "all of it passed" run
expect 0 "Test run with 7 tests passed" run
expect 0 "" grep -q 'swift test --skip-build' "$folder/ran"
expect 0 "" grep -q 'tests/browser/run.py --bin .build/debug' "$folder/ran"
expect 0 "" grep -q "validate_exchanges.py $folder/.build/exchanges" "$folder/ran"
expect 0 "" grep -q "tests/schemathesis/run.py .*--seed" "$folder/ran"

expect 0 "database contract: sqlite 1 passed, postgres 1 passed" run
expect 0 "" grep -q 'swift run --skip-build DatabaseSoak' "$folder/ran"

# A contract that ran on one engine alone, or that passes where there is no PostgreSQL, or fails there for another reason.
all_well
stand_in bin/swift "${GOOD_SWIFT/sqlite postgres/sqlite}"
expect 1 "sqlite 1 passed, postgres 0 passed" run
all_well
stand_in bin/swift "${GOOD_SWIFT/exit 1/exit 0}"
expect 1 "although there was no PostgreSQL" run
all_well
stand_in bin/swift "${GOOD_SWIFT/notInstalled/out of memory}"
expect 1 "for another reason" run
all_well
stand_in bin/swift "${GOOD_SWIFT/install it\"; exit 1/install it\"; exit 0}"
expect 1 "although there was none" run
all_well
stand_in bin/swift "${GOOD_SWIFT/which is no program/out of memory}"
expect 1 "they failed for another reason" run

# The exchanges of an earlier run are not judged again.
all_well
touch "$folder/.build/exchanges/old.ndjson"
expect 0 "all of it passed" run
expect 1 "" test -e "$folder/.build/exchanges/old.ndjson"

for broken in scripts/lint.sh scripts/test-infrastructure.sh tests/scripts/a.test.sh .venv/bin/python; do
    all_well
    stand_in "$broken" 'exit 1'
    expect 1 "not all of it passed" run
    expect 0 "" grep -q 'swift test' "$folder/ran"
done

# Without what the tests need, or without a build, the rest would say nothing.
all_well
stand_in scripts/setup.sh 'exit 1'
expect 1 "FAILED" run
expect 1 "" grep -q 'swift' "$folder/ran"
all_well
stand_in bin/swift 'exit 1'
expect 1 "FAILED" run
expect 1 "" grep -q 'swift test' "$folder/ran"

all_well
# shellcheck disable=SC2016
stand_in bin/swift '[ "$1" = build ] && exit 0; echo "Test run with 7 tests failed"; exit 1'
expect 1 "not all of it passed" run
expect 0 "" grep -q 'validate_exchanges.py' "$folder/ran"

# A warning of our own sources fails; one of a dependency does not.
all_well
stand_in bin/swift "echo '$folder/platform/Sources/Basics/A.swift:1:1: warning: unused'"
expect 1 "warnings in our own sources" run
all_well
stand_in bin/swift "$GOOD_SWIFT
echo '$folder/.build/checkouts/b/Sources/B/B.swift:1:1: warning: unused'"
expect 0 "all of it passed" run

conclude
