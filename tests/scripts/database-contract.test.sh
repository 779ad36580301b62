#!/usr/bin/env bash
# scripts/database-contract.py: counts cases by engine, and fails where one ran nothing, another number, or a case that failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/scripts/assertions.sh
source tests/scripts/assertions.sh

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
readonly LOG=$folder/test.log

count() { python3 scripts/database-contract.py "$LOG"; }

# begun NAME ARGUMENTS, failed NAME ARGUMENTS: as Swift 6.3 prints it.
begun() { printf '◇ Test case passing %d argument engine → .%s to "%s" started.\n' 1 "$2" "$1" >>"$LOG"; }
failed() { printf '✘ Test "%s" recorded an issue with %d arguments engine → .%s at A.swift:1:2: Caught error: to "x" started.\n' "$1" 2 "$2" >>"$LOG"; }

both() {
    rm -f "$LOG"
    local engine
    for engine in sqlite postgres; do
        begun "a rule" "$engine"
        begun 'a rule of "quotes", to "be" kept' "$engine"
        begun "a third" "$engine, goesOn → true"
        begun "a third" "$engine, goesOn → false"
    done
    # Of one engine alone, and not of the contract.
    printf '◇ Test "encrypted" started.\n◇ Test case passing 1 argument mode → "require" to "encrypted" started.\n' >>"$LOG"
}

both
expect 0 "database contract: sqlite 4 passed, postgres 4 passed" count
failed "a third" "postgres, goesOn → true"
failed "a third" "postgres, goesOn → true"
expect 1 "sqlite 4 passed, postgres 3 passed and 1 failed" count

both
begun "a fourth" sqlite
expect 1 "sqlite 5 passed, postgres 4 passed" count
both
begun "a rule" another
expect 1 "another 1 passed" count

: >"$LOG"
expect 1 "sqlite 0 passed, postgres 0 passed" count
rm "$LOG"
expect 1 "cannot be read" count

conclude
