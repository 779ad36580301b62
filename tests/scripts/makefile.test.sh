#!/usr/bin/env bash
# The Makefile: help comes first and is complete, and what is not built says so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/scripts/assertions.sh
source tests/scripts/assertions.sh
# This test may itself run below a make.
unset MAKEFLAGS MFLAGS MAKELEVEL

expect 0 "Start with: make up" make
expect 0 "make up" make help
while read -r target; do
    expect 0 "make $target " make help
    expect 0 "" make -n "$target"
done < <(sed -nE 's/^\.PHONY: (.*)/\1/p' Makefile)
expect 2 "No rule to make target 'sell'" make sell

# A configuration that nobody has built.
for target in down status logs health psql demo; do
    expect 2 "hello-dd is not built yet: run 'make up' first" make "$target" CONFIGURATION=never-built
done

# `make up` compiles what running needs and no test.
expect 0 "--product" make -n up
if make -n up | grep -q -- --build-tests; then
    failed=$((failed + 1))
    echo "not ok: make up compiles the tests"
fi

conclude
