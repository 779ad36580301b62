#!/usr/bin/env bash
# k8s/database-roles/create-databases.sh on a real server, as an administrator with no more rights than RDS gives.
# The functions are called by `holds` and `fails`, which shellcheck cannot see.
# shellcheck disable=SC2317
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/private-postgres.sh
source scripts/private-postgres.sh

start_postgres server
export PGHOST=$postgres_folder/server
failed=0
ok() { printf '  ok      %s\n' "$1"; }
not_ok() { failed=1; printf '  FAILED  %s\n' "$1"; }
holds() { if "${@:2}" >/dev/null 2>&1; then ok "$1"; else not_ok "$1"; fi; }
fails() { if "${@:2}" >/dev/null 2>&1; then not_ok "$1"; else ok "$1"; fi; }
ask() { psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --username "$1" --dbname "$2" --command "$3"; }

ask administrator postgres "CREATE ROLE rds LOGIN CREATEROLE CREATEDB; REVOKE ALL ON DATABASE template1 FROM PUBLIC"
passwords=$postgres_folder/passwords
mkdir "$passwords"
for name in inventory pricing orders; do printf '%s' "first-$name" >"$passwords/$name"; done
printf rds >"$passwords/user"
printf 'not asked for on a socket' >"$passwords/administrator"
create() { PASSWORDS=$passwords PGUSER_FILE=$passwords/user PGPASSWORD_FILE=$passwords/administrator bash k8s/database-roles/create-databases.sh; }
hash_of() { ask administrator postgres "SELECT rolpassword FROM pg_authid WHERE rolname = '$1'"; }

holds "the first run makes them" create
before=$(hash_of orders)
holds "each role makes tables in its own database" ask orders orders "CREATE TABLE kept (x int); INSERT INTO kept VALUES (1)"
holds "and trusted extensions" ask inventory inventory "CREATE EXTENSION pg_trgm"
fails "a role does not reach another's database" ask pricing orders "SELECT 1"
fails "a role makes no roles" ask orders orders "CREATE ROLE more"
printf 'second-orders' >"$passwords/orders"
holds "the second run succeeds" create
holds "and leaves what is there" ask orders orders "SELECT 1 / count(*) FROM kept"
if [ "$before" != "$(hash_of orders)" ]; then ok "a new password is set"; else not_ok "a new password is set"; fi
case $(hash_of orders) in SCRAM-SHA-256*) ok "and kept by SCRAM only" ;; *) not_ok "and kept by SCRAM only" ;; esac
rm "$passwords/pricing"
fails "a password that is not there yet stops it" create
exit "$failed"
