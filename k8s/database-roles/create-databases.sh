#!/usr/bin/env bash
# A database and a role for each service on a server that is there already: k8s/postgres/create-databases.sh makes them where the server is
# made. Can be run again: what is there stays, and each role has the password that it should have. The administrator need not be a superuser
# (on RDS nobody is): CREATEROLE and CREATEDB are enough. psql finds server, user and password in PGHOST and the like.
set -euo pipefail

readonly PASSWORDS=${PASSWORDS:-/run/secrets/database-roles}
# The files that External Secrets fills end without a new line, at which `read` shrugs.
if [ -n "${PGPASSWORD_FILE:-}" ]; then read -r PGPASSWORD <"$PGPASSWORD_FILE" || true; fi
if [ -n "${PGUSER_FILE:-}" ]; then read -r PGUSER <"$PGUSER_FILE" || true; fi
export PGUSER PGPASSWORD

for name in inventory pricing orders; do
    password=$(cat "$PASSWORDS/$name")
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set name="$name" --set password="$password" --dbname postgres <<'SQL'
SELECT format('CREATE ROLE %I', :'name') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \gexec
-- A password in a statement would be logged where statements are; half a second is more than this one takes.
ALTER ROLE :"name" LOGIN PASSWORD :'password';
-- Whoever makes a database for another role must be a member of it.
GRANT :"name" TO CURRENT_USER;
SELECT format('CREATE DATABASE %I OWNER %I', :'name', :'name') WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
    echo "database and role $name are there"
done
