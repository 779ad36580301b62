#!/usr/bin/env bash
# `make test-tsan`: the Database module's tests under the thread sanitizer, on both engines. Compiles what they need, and nothing else,
# into a folder of its own; the first time takes minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly SCRATCH=.build/tsan
# Package.swift reads it: only the targets that the tests need, compiled so that the sanitizer sees their locks.
export HELLO_DD_THREAD_SANITIZER=1
export TSAN_OPTIONS="suppressions=$PWD/scripts/thread-sanitizer.supp ${TSAN_OPTIONS:-}"
# As in `make test`: tests that run at once.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH="${SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH:-8}"

swift=${SWIFT:-swift}
log=$SCRATCH/test.log
mkdir -p "$SCRATCH"
$swift build --build-tests --sanitize=thread --scratch-path "$SCRATCH"
status=0
$swift test --skip-build --sanitize=thread --scratch-path "$SCRATCH" "$@" 2>&1 | tee "$log" || status=$?

# The process ends with an error after a report; that it always does is not left to trust.
reports=$(grep -c '^WARNING: ThreadSanitizer' "$log" || true)
tests=$(sed -nE 's/.*Test run with ([0-9]+) tests? .* passed.*/\1/p' "$log" | tail -n 1)
echo "thread sanitizer: ${tests:-no} tests passed, $reports reports"
[ "$status" -eq 0 ] && [ "$reports" -eq 0 ] && [ -n "$tests" ] && [ "$tests" -gt 0 ]
