#!/usr/bin/env bash
# The shop in containers: makes the secrets, builds, starts, waits, takes the tour. `make compose` and `make compose-down`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
    cat <<'TEXT'
usage: scripts/compose.sh up [PROFILE]      inventory, pricing, or full (the default), which also takes the tour
       scripts/compose.sh down [--volumes]  with --volumes, the databases are removed too
       scripts/compose.sh images            builds the five images
TEXT
}

readonly SECRETS=${SECRETS:-.hello-dd/compose}
readonly TARGETS=(inventory-service pricing-service api-gateway console hello-dd)
# The longest that everything together may take to become healthy.
readonly PATIENCE=${PATIENCE:-180}

fail() { printf 'compose: %s\n' "$*" >&2; exit 1; }

# Compose v2 is a plugin of docker; docker-compose 1.29 is a program of its own.
compose() {
    if docker compose version >/dev/null 2>&1; then
        docker compose "$@"
    elif command -v docker-compose >/dev/null; then
        docker-compose "$@"
    else
        fail "neither 'docker compose' nor docker-compose is here"
    fi
}

build() {
    local target
    for target in "${TARGETS[@]}"; do
        echo "==> image hello-dd/$target"
        docker build --target "$target" --build-arg "REVISION=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)" \
            --tag "hello-dd/$target:0.1.0" .
    done
}

# wait_healthy PROFILE: every container that has a health check.
wait_healthy() {
    local started=$SECONDS id state sick
    while :; do
        sick=
        for id in $(compose --profile "$1" ps -q); do
            state=$(docker inspect --format '{{.Name}} {{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}}' "$id")
            case $state in
                *" running healthy" | *" running ") ;;
                *) sick+="${state#/}; " ;;
            esac
        done
        [ -n "$sick" ] || return 0
        [ $((SECONDS - started)) -le "$PATIENCE" ] || fail "after $PATIENCE s: ${sick%; }"
        sleep 1
    done
}

check() {
    command -v docker >/dev/null || fail "docker is not on the PATH"
    docker info >/dev/null 2>&1 || fail "no Docker engine answers"
}

case "${1:-}" in
    -h | --help) usage ;;
    images) check; build ;;
    up)
        profile=${2:-full}
        case $profile in inventory | pricing | full) ;; *) usage >&2; exit 2 ;; esac
        check
        scripts/secrets.sh "$SECRETS"
        build
        compose --profile "$profile" up -d
        wait_healthy "$profile"
        if [ "$profile" = full ]; then
            scripts/test-full-system.sh --keys "$SECRETS" compose
        else
            compose --profile "$profile" ps
        fi
        ;;
    down)
        shift
        case "$*" in "" | --volumes) ;; *) usage >&2; exit 2 ;; esac
        check
        compose --profile full --profile load --profile dev-tools down "$@"
        ;;
    *) usage >&2; exit 2 ;;
esac
