#!/usr/bin/env bash
# Run once, by the PostgreSQL image, when its volume is empty: a database and a role for each service, so that no service can read
# another's tables. Used by docker-compose.yml and by the StatefulSet alike.
set -euo pipefail

for name in inventory pricing orders; do
    password=$(cat "/run/secrets/database/$name")
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set name="$name" --set password="$password" \
        --username "$POSTGRES_USER" --dbname postgres <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
    echo "made database and role $name"
done
