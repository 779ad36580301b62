#!/usr/bin/env bash
# The two halves of the Dockerfile's build stage: `dependencies`, then, with the real sources in place, `products`.
# Not for use outside it: it fills the package's folders with stand-ins.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly PRODUCTS=(inventory-service pricing-service api-gateway console hello-dd)
readonly FLAGS=(-c release --static-swift-stdlib)

# The targets of the manifest, one a line: type, path, and "resources" if it embeds some.
targets() {
    swift package dump-package | awk '
        /^  "targets" :/ { inside = 1 }
        inside && /^    \{/ { type = ""; path = ""; resources = "" }
        inside && /^      "path" :/ { split($0, part, "\""); path = part[4] }
        inside && /^      "type" :/ { split($0, part, "\""); type = part[4] }
        inside && /"rule" :/ { resources = "resources" }
        inside && /^    \}/ { print type, path, resources }'
}

# An empty target for each whose folder is not there: all of them before the sources are copied, afterwards those that are no part of an
# image (tests, benchmarks), which the manifest still names.
stand_ins() {
    local type path resources
    targets | while read -r type path resources; do
        [ ! -e "$path" ] || continue
        mkdir -p "$path"
        case $type in
            # Of a C library's module map the dependencies need no more than that it is there.
            system) echo "module $(basename "$path") [system] {}" >"$path/module.modulemap" ;;
            executable) echo '@main struct StandIn { static func main() {} }' >"$path/StandIn.swift" ;;
            *) echo 'enum StandIn {}' >"$path/StandIn.swift" ;;
        esac
        if [ -n "$resources" ]; then mkdir "$path/Resources" && echo 'stand-in' >"$path/Resources/stand-in.txt"; fi
    done
}

build() {
    local product
    for product in "${PRODUCTS[@]}"; do
        echo "==> $product"
        swift build "${FLAGS[@]}" --product "$product"
    done
}

case "${1:-}" in
    dependencies)
        stand_ins
        swift package resolve
        build
        # Of our own targets nothing stays: neither their stand-ins nor what was made of them.
        targets | while read -r _ path _; do rm -rf "$path"; done
        ;;
    products)
        stand_ins
        build
        mkdir -p /out
        folder=$(swift build "${FLAGS[@]}" --show-bin-path)
        for product in "${PRODUCTS[@]}"; do
            # Symbols stay, for backtraces; what only a debugger reads goes.
            strip --strip-debug -o "/out/$product" "$folder/$product"
        done
        ls -l /out
        ;;
    *)
        echo "usage: scripts/docker-build.sh dependencies|products (inside the Dockerfile's build stage)" >&2
        exit 2
        ;;
esac
