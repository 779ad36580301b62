#!/usr/bin/env bash
# Rehearses what is done when the database is lost: a copy of each database, a new server, the books, and the shop on top of it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
    cat <<'TEXT'
usage: scripts/rehearse-restore.sh [--without-services]

On two PostgreSQL servers of its own (from the installed binaries, removed at the end):

  1. runs the shop on the first and takes the tour on it: orders, a decline, a cancellation
  2. copies its roles and databases (pg_dumpall --roles-only, pg_dump), as one would from a replica or after a restored snapshot
  3. stops the first server for good, and puts the copies into the second
  4. compares every row of every table, and adds up the ledger
  5. runs the shop on the second, and takes the tour again

The shop is .build/CONFIGURATION (default debug), built before by `make build`.

  --without-services   without 1 and 5: the tables come from the migrations and are filled by this script. Some seconds.

exit status: 0 all of it held, 1 something did not, 2 wrong usage
TEXT
}

say() { printf '==> %s\n' "$*"; }
fail() { printf 'rehearse-restore: %s\n' "$*" >&2; exit 1; }

services=true
case "${1:-}" in
    "") ;;
    --without-services) services=false ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
esac
[ $# -le 1 ] || { usage >&2; exit 2; }
readonly HELLO_DD=.build/${CONFIGURATION:-debug}/hello-dd
if $services; then [ -x "$HELLO_DD" ] || fail "$HELLO_DD is not built: run 'make build' first, or use --without-services"; fi

# shellcheck source=scripts/private-postgres.sh
source scripts/private-postgres.sh
shop=$postgres_folder/shop
copies=$postgres_folder/copies
mkdir "$copies"
export PGUSER=administrator

finish() {
    if $services; then "$HELLO_DD" down --data "$shop" >/dev/null 2>&1 || true; fi
    stop_postgres
}
trap finish EXIT

ask() { psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --dbname "$1" --command "$2"; }
databases() { ask postgres "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY 1"; }

# on SERVER: what follows asks that one. A port that was free a moment ago; with services only, which do not use sockets.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
on() {
    local port=
    if $services; then port=$(free_port); fi
    start_postgres "$1" "$port"
    export PGHOST=$postgres_folder/$1 PGPORT=${port:-5432}
}

run_shop() {
    "$HELLO_DD" up --detach --data "$shop" --postgres "postgres://administrator@127.0.0.1:$PGPORT/postgres" \
        --gateway-port 0 --inventory-port 0 --pricing-port 0 --log-level warning inventory pricing gateway
    "$HELLO_DD" demo --data "$shop" >"$postgres_folder/demo.log" 2>&1 || { tail -n 20 "$postgres_folder/demo.log" >&2; fail "the tour failed"; }
    "$HELLO_DD" down --data "$shop"
}

# The tables of the migrations, with a catalogue, a ledger of some thousand entries and what it adds up to.
fill() {
    local name file
    for name in inventory pricing orders; do
        ask postgres "CREATE ROLE $name LOGIN PASSWORD 'password-of-$name'"
        ask postgres "CREATE DATABASE $name OWNER $name"
    done
    for file in inventory-service/Sources/*/Resources/m*.postgres.sql; do load inventory "$file"; done
    for file in pricing-service/Sources/*/Resources/m*.postgres.sql; do load pricing "$file"; done
    for file in $(for f in api-gateway/Sources/*/Resources/m*.postgres.sql; do echo "${f##*/} $f"; done | sort | cut -d ' ' -f 2); do load orders "$file"; done
    PGUSER=inventory psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --dbname inventory <<'SQL'
INSERT INTO products SELECT gen_random_uuid(), 'SKU-' || n, 'product ' || n, 'ünïcode ' || n, 'c' || n % 7, '{}', 0, 1, now(), now(), NULL
    FROM generate_series(1, 200) AS n;
INSERT INTO stock_movements (product_id, kind, quantity, actor, at)
    SELECT id, 'receipt', 100 + (random() * 100)::bigint, 'rehearsal', now() FROM products;
INSERT INTO reservations SELECT gen_random_uuid(), CASE n % 4 WHEN 0 THEN 'held' WHEN 1 THEN 'sold' WHEN 2 THEN 'released' ELSE 'returned' END,
    gen_random_uuid(), 900, now(), now(), now() FROM generate_series(1, 1000) AS n;
INSERT INTO reservation_lines SELECT r.id, 1, p.id, p.sku, 1 + n % 3
    FROM (SELECT id, row_number() OVER () AS n FROM reservations) AS r JOIN (SELECT id, sku, row_number() OVER () AS m FROM products) AS p
    ON p.m = 1 + r.n % 200;
INSERT INTO stock_movements (product_id, kind, quantity, reservation_id, actor, at)
    SELECT l.product_id, k.kind, l.quantity, r.id, 'rehearsal', now()
    FROM reservations AS r JOIN reservation_lines AS l ON l.reservation_id = r.id
    CROSS JOIN LATERAL unnest(CASE r.state WHEN 'held' THEN ARRAY['reserve'] WHEN 'sold' THEN ARRAY['reserve', 'sell']
        WHEN 'released' THEN ARRAY['reserve', 'release'] ELSE ARRAY['reserve', 'sell', 'return'] END) WITH ORDINALITY AS k (kind, step)
    ORDER BY r.id, k.step;
INSERT INTO stock SELECT product_id,
    sum(CASE kind WHEN 'receipt' THEN quantity WHEN 'sell' THEN -quantity WHEN 'return' THEN quantity ELSE 0 END),
    sum(CASE kind WHEN 'reserve' THEN quantity WHEN 'release' THEN -quantity WHEN 'sell' THEN -quantity ELSE 0 END)
    FROM stock_movements GROUP BY product_id;
SQL
    PGUSER=orders ask orders "INSERT INTO sandbox_payments SELECT gen_random_uuid(), 'captured', NULL, n, 'USD', 'card', now() FROM generate_series(1, 500) AS n"
}
load() { PGUSER=$1 psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --single-transaction --dbname "$1" --file "$2" >/dev/null; }

# fingerprint: for each table of each database the number of its rows and a sum over all of them, whatever their order.
fingerprint() {
    local database table
    for database in $(databases); do
        ask "$database" "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1" |
            while read -r table; do
                ask "$database" "SELECT '$database.$table', count(*), coalesce(sum(('x' || substr(md5(t::text), 1, 15))::bit(60)::bigint), 0) FROM $table AS t"
            done
    done
}

# books: the database that has a ledger, added up.
books() {
    local database
    for database in $(databases); do
        if [ "$(ask "$database" "SELECT to_regclass('public.stock_movements') IS NOT NULL")" = t ]; then
            psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --dbname "$database" --file scripts/books.sql
            return
        fi
    done
    echo "there is no ledger in any database"
}

entries() { local d; for d in $(databases); do ask "$d" "SELECT count(*) FROM stock_movements" 2>/dev/null || true; done | head -n 1; }

say "the first server"
on first
if $services; then run_shop; else fill; fi
[ -z "$(books)" ] || fail "the books do not balance before anything was done: $(books | head -n 3)"
fingerprint >"$copies/before"
say "$(wc -l <"$copies/before") tables, $(entries) entries in the ledger; copying"
started=$SECONDS
pg_dumpall --roles-only --no-role-passwords >"$copies/roles.sql"
names=$(databases)
for name in $names; do pg_dump --format custom --file "$copies/$name.dump" "$name"; done
say "copied in $((SECONDS - started)) s, $(du -sh "$copies" | cut -f 1); the first server is gone"
(cd "$postgres_folder" && as_postgres "$(postgres_bin)/pg_ctl" --pgdata "$postgres_folder/first/data" --mode immediate stop >/dev/null)

say "the second server"
on second
started=$SECONDS
grep -v 'ROLE administrator' "$copies/roles.sql" | psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --dbname postgres
for name in $names; do pg_restore --create --exit-on-error --dbname postgres "$copies/$name.dump"; done
say "put back in $((SECONDS - started)) s"
fingerprint >"$copies/after"
diff "$copies/before" "$copies/after" || fail "these tables are not what they were"
[ -z "$(books)" ] || fail "the books do not balance: $(books | head -n 3)"
say "every row of every table is the same, and the books balance"
for name in $names; do
    owners=$(ask "$name" "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tableowner = '$PGUSER'")
    [ "$owners" -eq 0 ] || fail "$name: $owners tables belong to the administrator now, and the service may not change them"
done
if $services; then
    run_shop
    [ -z "$(books)" ] || fail "the books do not balance after the shop went on: $(books | head -n 3)"
    say "the shop went on from there, and the books balance"
else
    # Had they not balanced, would that have been said?
    ask inventory "UPDATE stock SET on_hand = on_hand + 1 WHERE product_id = (SELECT min(product_id::text)::uuid FROM stock)"
    [ -n "$(books)" ] || fail "a piece was added to the stock and not to the ledger, and the books did not say so"
    if PGUSER=inventory ask inventory "DELETE FROM stock_movements" 2>/dev/null; then fail "the ledger can be deleted after it was put back"; fi
    say "a piece too many is found, and the ledger still cannot be changed"
fi
