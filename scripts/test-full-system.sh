#!/usr/bin/env bash
# Tests a running shop from outside, as its users see it, wherever it runs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/shop-target.sh
source scripts/shop-target.sh

usage() {
    cat <<'TEXT'
usage: scripts/test-full-system.sh [--keys FOLDER] TARGET

TARGET: embedded (make up), compose (make compose), kind (scripts/deploy-full-system.sh), or the gateway's URL

Asks what anybody may ask, then takes the tour of `hello-dd demo`: orders, a replay, a price that changed, a product that is sold out, a
card that is declined, a cancellation, and whether the books balance. The tour needs the key that signs users' tokens: that of the target,
or, for a URL, FOLDER/keys/users.pem.

exit status: 0 all of it held, 1 something did not, 2 wrong usage, 3 what held was only what needs no key
TEXT
}

target=
given=
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage; exit 0 ;;
        --keys) [ $# -ge 2 ] || { usage >&2; exit 2; }; given=$2; shift ;;
        -*) usage >&2; exit 2 ;;
        *) [ -z "$target" ] || { usage >&2; exit 2; }; target=$1 ;;
    esac
    shift
done
url='' keys=''
if [ -z "$target" ] || ! shop_target "$target"; then usage >&2; exit 2; fi
keys=${given:-$keys}
command -v curl >/dev/null || { echo "test-full-system: curl is not on the PATH" >&2; exit 1; }

failed=0

# ask STATUS PATH WHAT [curl arguments…]
ask() {
    local expected=$1 path=$2 what=$3 status
    shift 3
    status=$(curl --silent --output /dev/null --write-out '%{http_code}' --max-time 20 "$@" "$url$path" || true)
    if [ "$status" = "$expected" ]; then
        printf '  ok      %s (%s)\n' "$what" "$status"
    else
        printf '  FAILED  %s: expected %s, got %s\n' "$what" "$expected" "$status"
        failed=1
    fi
}

echo "==> the shop at $url"
ask 200 /health/ready "it is ready"
ask 200 "/api/v1/products?limit=2" "products are for anyone"
ask 200 /api/v1/products/LAPTOP-001 "one product, with its price"
ask 404 /api/v1/products/NOTHING-999 "a product that is not there"
ask 201 /api/v1/quotes "a quote" --header "Content-Type: application/json" \
    --data '{"lines": [{"productId": "LAPTOP-001", "quantity": 1}], "currency": "USD", "taxRegion": "US-CA"}'
ask 401 /api/v1/orders "orders are not for strangers" --request POST --header "Content-Type: application/json" --data '{}'
ask 200 /docs "the page of the contract"

if [ "$failed" -ne 0 ]; then exit 1; fi
if [ -z "$keys" ] || [ ! -f "$keys/keys/users.pem" ]; then
    echo "orders were not tested: there is no key to sign a token with (--keys FOLDER)"
    exit 3
fi

echo "==> hello-dd demo"
log=$(mktemp "${TMPDIR:-/tmp}/hello-dd-demo.XXXXXX")
trap 'rm -f "$log"' EXIT
hello_dd_command demo --brief
if "${hello_dd[@]}" >"$log" 2>&1; then
    tail -n 3 "$log"
else
    echo "  FAILED  the tour; its last lines:"
    tail -n 20 "$log"
    exit 1
fi
