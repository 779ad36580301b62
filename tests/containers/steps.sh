#!/usr/bin/env bash
# Sourced by the container tests: what they print and count.
set -euo pipefail

held=0
failed=0

say() { printf '==> %s\n' "$*"; }
ok() { held=$((held + 1)); printf '  ok      %s\n' "$*"; }
not_ok() { failed=$((failed + 1)); printf '  FAILED  %s\n' "$*"; }

# check WHAT COMMAND…: the command succeeds; its output is shown only if it does not.
check() {
    local what=$1 output
    shift
    if output=$("$@" 2>&1); then ok "$what"; else not_ok "$what"; printf '%s\n' "$output" | tail -n 30; return 1; fi
}

# eventually SECONDS COMMAND…
eventually() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.2
    done
}

conclude() {
    printf '%s passed, %s failed\n' "$held" "$failed"
    [ "$failed" -eq 0 ]
}
