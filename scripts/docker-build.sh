#!/usr/bin/env bash
# The steps of the Dockerfile's build stage: `manifest`, then `dependencies`, then, with the real sources in place, `products`.
# Not for use outside it: it puts stand-ins into the package's folders.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly PRODUCTS=(inventory-service pricing-service api-gateway console hello-dd)
readonly FLAGS=(-c release --static-swift-stdlib)

# A package that wants what the real one wants and has nothing of its own, so that the dependencies are compiled again when one of them
# changes, and not when a target joins. Of what is pinned only the hash of the manifest is left out.
manifest() { # FOLDER
    {
        head -n 1 Package.swift
        echo 'import PackageDescription'
        echo 'let package = Package('
        grep -E '^    (name|platforms):' Package.swift
        sed -n '/^    dependencies: \[/,/^    \],/p' Package.swift | grep -v '^ *//'
        echo '    targets: [.executableTarget(name: "StandIn", dependencies: ['
        grep -ohE '\.product\(name: "[^"]+", package: "[^"]+"\)' Package.swift | grep -v 'Testing"' | sort -u | sed 's/$/,/'
        echo '    ], path: "stand-in")])'
    } >"$1/Package.swift"
    [ ! -f Package.resolved ] || grep -v '"originHash"' Package.resolved >"$1/Package.resolved"
}

# An empty target for each whose folder is not there: those that are no part of an image (tests, benchmarks), which the manifest names.
stand_ins() {
    swift package dump-package | awk '
        /^  "targets" :/ { inside = 1 }
        inside && /^      "path" :/ { split($0, part, "\""); path = part[4] }
        inside && /^      "type" :/ { split($0, part, "\""); type = part[4] }
        inside && /^    \}/ { print type, path }' |
        while read -r type path; do
            [ ! -e "$path" ] || continue
            mkdir -p "$path"
            if [ "$type" = executable ]; then
                echo '@main struct StandIn { static func main() {} }' >"$path/StandIn.swift"
            else
                echo 'enum StandIn {}' >"$path/StandIn.swift"
            fi
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
    manifest)
        mkdir -p /manifest
        manifest /manifest
        ;;
    dependencies)
        mkdir stand-in
        echo '@main struct StandIn { static func main() {} }' >stand-in/StandIn.swift
        swift package resolve
        whole_seconds
        swift build "${FLAGS[@]}" --product StandIn
        rm -r stand-in
        keep_times
        ;;
    products)
        put_times_back
        stand_ins
        for product in "${PRODUCTS[@]}"; do
            echo "==> $product"
            swift build "${FLAGS[@]}" --product "$product"
        done
        mkdir -p /out
        folder=$(swift build "${FLAGS[@]}" --show-bin-path)
        for product in "${PRODUCTS[@]}"; do
            publish "$folder/$product" "/out/$product"
        done
        ls -l /out
        ;;
    *)
        echo "usage: scripts/docker-build.sh manifest|dependencies|products (inside the Dockerfile's build stage)" >&2
        exit 2
        ;;
esac
