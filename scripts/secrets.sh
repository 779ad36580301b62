#!/usr/bin/env bash
# Makes the secrets that a deployment on this machine needs, each in a file of its own; what is there already stays as it is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
    cat <<'TEXT'
usage: scripts/secrets.sh FOLDER

Fills FOLDER with what is missing of:

  database/inventory  database/pricing  database/orders    the passwords of the three database roles
  keys/users.pem      keys/users.pub.pem                   signs users' tokens: for whoever issues them, and for hello-dd --data FOLDER
  keys/services.pem   keys/services.pub.pem                signs the gateway's calls: the private part is for the gateway alone
  keys/quotes.key                                          signs quotes: for pricing-service alone

The folder is for its owner alone. The files in it can be read by anyone who gets there, because Docker mounts them with the modes they
have here, and the services run under a number that owns nothing on this machine.
TEXT
}

fail() { printf 'secrets: %s\n' "$*" >&2; exit 1; }

case "${1:-}" in
    -h | --help) usage; exit 0 ;;
    "" | -*) usage >&2; exit 2 ;;
esac
[ $# -eq 1 ] || { usage >&2; exit 2; }
command -v openssl >/dev/null || fail "openssl is not on the PATH: install it (Debian and Ubuntu: apt-get install openssl)"

readonly folder=$1
mkdir -p "$folder"
chmod 700 "$folder"
mkdir -p "$folder/database" "$folder/keys"
chmod 755 "$folder/database" "$folder/keys"

# secret NAME COMMAND…: the command's output becomes the file, whole or not at all.
secret() {
    local file=$folder/$1
    shift
    [ -s "$file" ] && return
    "$@" >"$file.new" || { rm -f "$file.new"; fail "cannot make $file"; }
    chmod 644 "$file.new"
    mv "$file.new" "$file"
    echo "made $file"
}

private_key() { openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt; }

for role in inventory pricing orders; do secret "database/$role" openssl rand -hex 24; done
for pair in users services; do
    secret "keys/$pair.pem" private_key
    secret "keys/$pair.pub.pem" openssl pkey -in "$folder/keys/$pair.pem" -pubout
done
secret keys/quotes.key openssl rand -hex 32
