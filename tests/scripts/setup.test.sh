#!/usr/bin/env bash
# scripts/setup.sh: what it says, on machines that lack things. The machines are folders of stand-in commands on the PATH.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/scripts/assertions.sh
source tests/scripts/assertions.sh

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# machine NAME SWIFT_VERSION: a PATH with the usual tools and a stand-in swift; without a version, no swift.
machine() {
    local bin=$folder/$1 tool
    mkdir -p "$bin"
    for tool in bash cat cmp cp dirname head id printf sed sort uname env python3; do ln -sf "$(command -v "$tool")" "$bin/$tool"; done
    if [ -n "${2:-}" ]; then command_in "$1" swift "echo 'Swift version $2 (swift-RELEASE)'"; fi
}

# command_in MACHINE NAME SCRIPT: one more stand-in.
command_in() {
    rm -f "$folder/$1/$2" # never write through a link to the real tool
    printf '#!%s\n%s\n' "$(command -v bash)" "$3" >"$folder/$1/$2"
    chmod +x "$folder/$1/$2"
}

setup_on() { local name=$1; shift; PATH=$folder/$name "$folder/$name/bash" scripts/setup.sh "$@"; }

expect 0 "usage: scripts/setup.sh" scripts/setup.sh --help
expect 1 "unknown argument '--tset'" scripts/setup.sh --tset

machine no-swift
expect 1 "swift is not on the PATH" setup_on no-swift
expect 1 "https://www.swift.org/install" setup_on no-swift

machine old-swift 5.10.1
expect 1 "Swift 5.10 is too old" setup_on old-swift
machine nearly-swift 6.1.3
expect 1 "Swift 6.1 is too old" setup_on nearly-swift

machine broken-swift
command_in broken-swift swift 'echo "cannot open shared object file" >&2; exit 127'
expect 1 "'swift --version' does not run here: cannot open shared object file" setup_on broken-swift

# A bare machine with each of the versions that will do: it names what is missing and installs nothing.
for version in 6.2 6.3.1 6.10-dev 7.0; do
    machine "bare-$version" "$version"
    expect 1 "missing: git ca-certificates pkg-config libsqlite3-dev libpq-dev zlib1g-dev g++" setup_on "bare-$version" --dry-run
done
expect 1 "shellcheck" setup_on bare-6.2 --dry-run --test
expect 1 "chromium fonts-dejavu-core" setup_on bare-6.2 --dry-run --test
# This machine may have the servers' programs where no PATH leads, so it is told where they are not.
expect 1 "shellcheck postgresql" env POSTGRES_BIN=/nowhere "$BASH" -c "$(declare -f setup_on); folder=$folder; setup_on bare-6.2 --dry-run --test"
expect 1 "redis-server" env REDIS_SERVER=/nowhere "$BASH" -c "$(declare -f setup_on); folder=$folder; setup_on bare-6.2 --dry-run --test"
command_in bare-6.2 postgres 'exit 0'
if setup_on bare-6.2 --dry-run --test | grep -q " postgresql"; then
    failed=$((failed + 1))
    echo "not ok: PostgreSQL's server is on the PATH and said to be missing"
fi
expect 1 "install these yourself: git" setup_on bare-6.2

# With apt and sudo it would install exactly that, without asking.
machine debian 6.2
command_in debian apt-get 'echo "apt-get $*"'
command_in debian sudo 'echo "sudo $*"; exec "$@"'
command_in debian id 'echo 1000'
expect 0 "sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends git ca-certificates pkg-config" setup_on debian
machine no-sudo 6.2
command_in no-sudo apt-get 'echo "apt-get $*"'
command_in no-sudo id 'echo 1000'
expect 1 "there is no sudo" setup_on no-sudo

# Nothing missing: nothing is installed and nothing is said.
machine complete 6.3.1
for tool in git pkg-config c++ shellcheck; do command_in complete "$tool" 'exit 0'; done
command_in complete apt-get 'echo "must not run"; exit 9'
expect 0 "nothing is missing (Swift 6.3)" setup_on complete --dry-run
expect 0 "" setup_on complete

conclude
