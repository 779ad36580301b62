#!/usr/bin/env bash
# Sourced by the scripts that talk to a running shop: where it is, which keys it trusts, and a hello-dd to talk with.
set -euo pipefail

# shop_target TARGET: sets `url` and `keys` (a folder with keys/, or nothing) for embedded, compose, kind or a URL.
shop_target() {
    case $1 in
        embedded) url=http://127.0.0.1:${GATEWAY_PORT:-8000} keys=.hello-dd ;;
        compose) url=http://127.0.0.1:${GATEWAY_PORT:-8000} keys=.hello-dd/compose ;;
        kind) url=http://127.0.0.1:8080 keys=k8s/overlays/kind/secrets ;;
        http://* | https://*) url=${1%/} keys= ;;
        *) return 1 ;;
    esac
}

# hello_dd_command COMMAND [ARGUMENTS…]: sets `hello_dd` to what runs the command line against `url` with `keys`: the one that is built,
# else the one in its image.
hello_dd_command() {
    local program command=$1 folder
    shift
    for program in ${HELLO_DD:+"$HELLO_DD"} .build/release/hello-dd .build/debug/hello-dd; do
        if [ -x "$program" ]; then
            hello_dd=("$program" "$command" --url "$url" --data "${keys:-.hello-dd}" "$@")
            return
        fi
    done
    if command -v docker >/dev/null && docker image inspect hello-dd/hello-dd:0.1.0 >/dev/null 2>&1; then
        hello_dd=(docker run --rm --network host)
        if [ -n "$keys" ]; then
            folder=$(cd "$keys/keys" && pwd)
            hello_dd+=(--volume "$folder:/var/lib/hello-dd/.hello-dd/keys:ro")
        fi
        hello_dd+=(hello-dd/hello-dd:0.1.0 "$command" --url "$url" "$@")
        return
    fi
    echo "there is no hello-dd to talk to the shop with: make build, or make images" >&2
    return 1
}
