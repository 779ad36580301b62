# Sourced: PostgreSQL servers of a script's own, in a folder that is removed with them when the script ends.
# shellcheck shell=bash

postgres_bin() {
    local folder
    for folder in "${POSTGRES_BIN:-}" "$(pg_config --bindir 2>/dev/null || true)" /usr/lib/postgresql/*/bin /usr/pgsql-*/bin; do
        if [ -x "$folder/initdb" ]; then echo "$folder"; return; fi
    done
    echo "no PostgreSQL server is installed: scripts/setup.sh --test brings it" >&2
    return 1
}

# The server refuses to run as root.
as_postgres() { if [ "$(id -u)" -eq 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }

# start_postgres NAME [PORT]: in $postgres_folder/NAME, which is also its PGHOST; with a port, on 127.0.0.1 too. Whoever reaches it is let in.
start_postgres() {
    local bin folder=$postgres_folder/$1 listen="-c listen_addresses=''"
    if [ -n "${2:-}" ]; then listen="-c listen_addresses=127.0.0.1 -c port=$2"; fi
    bin=$(postgres_bin)
    mkdir -p "$folder"
    if [ "$(id -u)" -eq 0 ]; then chown postgres "$folder"; fi
    (
        cd "$folder"
        as_postgres "$bin/initdb" --pgdata "$folder/data" --username administrator --auth trust --no-sync >/dev/null
        as_postgres "$bin/pg_ctl" --pgdata "$folder/data" --log "$folder/log" --wait start \
            --options "$listen -c unix_socket_directories='$folder' -c fsync=off -c max_connections=50" >/dev/null
    ) || { cat "$folder/log" >&2; return 1; }
}

stop_postgres() {
    local bin data
    bin=$(postgres_bin)
    for data in "$postgres_folder"/*/data; do
        (cd "$postgres_folder" && as_postgres "$bin/pg_ctl" --pgdata "$data" --mode immediate stop >/dev/null 2>&1) || true
    done
    rm -rf "$postgres_folder"
}

postgres_folder=$(mktemp -d "${TMPDIR:-/tmp}/hello-dd-postgres.XXXXXX")
chmod 755 "$postgres_folder"
trap stop_postgres EXIT
