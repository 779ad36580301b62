#!/usr/bin/env bash
# scripts/verify-phase.sh: its usage, and its honesty about what is not built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/scripts/assertions.sh
source tests/scripts/assertions.sh

expect 0 "usage: scripts/verify-phase.sh PHASE" scripts/verify-phase.sh --help
expect 2 "usage: scripts/verify-phase.sh PHASE" scripts/verify-phase.sh
expect 2 "usage: scripts/verify-phase.sh PHASE" scripts/verify-phase.sh 2 4
for phase in 0 11 two -2 ''; do expect 2 "there is no phase '$phase'" scripts/verify-phase.sh "$phase"; done
expect 1 "phase 9 is not built yet: issue" scripts/verify-phase.sh 9

# Without a cluster, what can be seen without one, and it is said. (A machine without docker: what is on the PATH but that.)
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
for tool in bash env dirname cat mktemp rm sed grep tr head tail cp mkdir chmod mv openssl diff cut ls sleep touch paste; do
    ln -s "$(command -v "$tool")" "$bin/$tool"
done
without_docker() { PATH=$bin scripts/verify-phase.sh "$@"; }
expect 3 "was verified with a substitute: no kind cluster" without_docker 3

# Each phase has its page, or the tour says that it is not built.
for phase in 1 2 3 4 5 6 7 8 9 10; do
    page=$(printf 'docs/phases/phase-%02d.md' "$phase")
    if [ -f "$page" ]; then
        for part in What Why "Try it" "What to look at" "What breaks if you leave it out" Exercise; do expect 0 "" grep -qx "## $part" "$page"; done
        expect 0 "" grep -q '<summary>Solution</summary>' "$page"
    else
        expect 0 "not built yet" grep -E "^\| $phase \|" docs/phases/README.md
    fi
done

conclude
