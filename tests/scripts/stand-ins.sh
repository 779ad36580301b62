#!/usr/bin/env bash
# Sourced by tests of scripts that call kubectl, kind, docker, curl and hello-dd: a folder of stand-ins that write down how they were
# called, and answer as the files beside them say.
set -euo pipefail

stand_ins=$(mktemp -d)
trap 'rm -rf "$stand_ins"' EXIT
mkdir -p "$stand_ins/bin" "$stand_ins/answers"

# Every call becomes a line of `calls`, and what came on standard input a file. A call that a pattern of `answers/NAME` matches is answered
# by it: lines "STATUS PATTERN => OUTPUT", first match first; any other succeeds in silence.
make_stand_in() { # NAME
    cat >"$stand_ins/bin/$1" <<SCRIPT
#!$(command -v bash)
set -euo pipefail
call="$1 \$*"
echo "\$call" >>"$stand_ins/calls"
for argument in "\$@"; do
    [ "\$argument" = - ] && cat >"$stand_ins/input"
done
[ -f "$stand_ins/answers/$1" ] || exit 0
number=0
while IFS= read -r line; do
    number=\$((number + 1))
    rule=\${line%% => *} output=\${line#* => }
    status=\${rule%% *} pattern=\${rule#* }
    # "STATUS PATTERN => A | B" answers A the first time, then B.
    if [[ \$call == *"\$pattern"* ]]; then
        if [[ \$output == *" | "* ]]; then
            rest=\${output#* | }
            sed -i "\${number}s/.*/\${rule//\\//\\\\/} => \${rest//\\//\\\\/}/" "$stand_ins/answers/$1"
            output=\${output%% | *}
        fi
        [ -z "\$output" ] || printf '%s\n' "\$output"
        exit "\$status"
    fi
done <"$stand_ins/answers/$1"
exit 0
SCRIPT
    chmod +x "$stand_ins/bin/$1"
}

# answer NAME STATUS PATTERN [OUTPUT]
answer() { printf '%s %s => %s\n' "$2" "$3" "${4:-}" >>"$stand_ins/answers/$1"; }

# A machine with everything on it, and nothing said yet.
reset() {
    rm -f "$stand_ins/calls" "$stand_ins/input" "$stand_ins"/answers/*
    touch "$stand_ins/calls"
}

# with_stand_ins COMMAND…
with_stand_ins() { PATH=$stand_ins/bin:$PATH "$@"; }

# called TEXT: whether a call holds it; not_called TEXT: whether none does; called_before A B: whether A came before B.
called() { grep -qF -- "$1" "$stand_ins/calls" || { cat "$stand_ins/calls"; return 1; }; }
not_called() { ! grep -F -- "$1" "$stand_ins/calls"; }
called_before() {
    local first second
    first=$(grep -nF -m 1 -- "$1" "$stand_ins/calls" | cut -d: -f1)
    second=$(grep -nF -m 1 -- "$2" "$stand_ins/calls" | cut -d: -f1)
    [ -n "$first" ] && [ -n "$second" ] && [ "$first" -lt "$second" ]
}
