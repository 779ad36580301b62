#!/usr/bin/env bash
# What the script tests have in common: each `expect` runs one command and checks its exit status and what it prints.
set -euo pipefail

passed=0
failed=0

# expect STATUS TEXT COMMAND…: the command exits with STATUS, and its output (both streams) holds TEXT.
expect() {
    local status=$1 text=$2 output actual=0
    shift 2
    output=$("$@" 2>&1 </dev/null) || actual=$?
    if [ "$actual" -ne "$status" ]; then
        failed=$((failed + 1))
        printf 'not ok: %s\n    exit status %d, expected %d\n%s\n' "$*" "$actual" "$status" "$output"
    elif [[ $output != *"$text"* ]]; then
        failed=$((failed + 1))
        printf "not ok: %s\n    '%s' is not in:\n%s\n" "$*" "$text" "$output"
    else
        passed=$((passed + 1))
    fi
}

# Prints the count and ends the test.
conclude() {
    echo "${0##*/}: $passed checks held, $failed did not"
    [ "$failed" -eq 0 ]
}
