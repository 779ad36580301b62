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

# A layer may keep times in whole seconds only (the builder before BuildKit does), and the build compares them to the nanosecond: in the
# next step it would take all that was compiled here for outdated. So what is fetched gets whole seconds before anything is compiled,
# and of what was compiled the times are written down, and put back.
readonly TIMES=.build/times.txt
whole_seconds() { find .build/checkouts -exec touch --no-dereference --date="@$(date +%s)" {} +; }
keep_times() { find .build/*-linux-gnu -type f -printf '%T@ %p\n' >"$TIMES"; }
put_times_back() {
    local time path
    while read -r time path; do touch --date="@$time" "$path"; done <"$TIMES"
}

build() {
    local product
    for product in "${PRODUCTS[@]}"; do
        echo "==> $product"
        swift build "${FLAGS[@]}" --product "$product"
    done
}

# publish FROM TO: without what only a debugger reads. Of the symbols the functions' names stay, compressed, which is 2 MB and not 22: gdb
# and perf read them, and a core dump says where it was.
publish() {
    local work
    work=$(mktemp -d)
    nm --format=posix --defined-only "$1" | awk '$2 == "T" || $2 == "t" { print $1 }' | sort -u >"$work/functions"
    objcopy --only-keep-debug "$1" "$work/debug"
    objcopy --strip-all --keep-symbols="$work/functions" "$work/debug" "$work/names"
    xz "$work/names"
    objcopy --strip-all --add-section .gnu_debugdata="$work/names.xz" "$1" "$2"
    rm -rf "$work"
}

case "${1:-}" in
    dependencies)
        stand_ins
        swift package resolve
        whole_seconds
        build
        keep_times
        # Of our own targets nothing stays: neither their stand-ins nor what was made of them.
        targets | while read -r _ path _; do rm -rf "$path"; done
        ;;
    products)
        put_times_back
        stand_ins
        build
        mkdir -p /out
        folder=$(swift build "${FLAGS[@]}" --show-bin-path)
        for product in "${PRODUCTS[@]}"; do
            publish "$folder/$product" "/out/$product"
        done
        ls -l /out
        ;;
    *)
        echo "usage: scripts/docker-build.sh dependencies|products (inside the Dockerfile's build stage)" >&2
        exit 2
        ;;
esac
