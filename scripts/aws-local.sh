#!/usr/bin/env bash
# Both halves of the Pulumi program as far as a local stand-in for AWS goes: up, up again without differences, destroy.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly VENV=.build/aws-local/venv
readonly STATE=.build/aws-local/state

usage() {
    cat <<'TEXT'
usage: scripts/aws-local.sh [--calls]

Starts moto's server, a stand-in for AWS in memory, on a free port of this machine, and runs the foundation of stack dev against it: `pulumi
up`, a second `up` that must change nothing, and `destroy`. No credentials, no costs, nothing leaves the machine. What moto does not know
(infrastructure/pulumi/README.md has the list) is left out by `hello-dd:local`.

  --calls   only say which calls of the program moto does not know; needs no pulumi

needs: pulumi 3, with its aws, random and tls plugins (it fetches them). exit status: 0 held, 1 did not, 2 wrong usage, 3 no pulumi here
TEXT
}

say() { printf '==> %s\n' "$*"; }
fail() { printf 'aws-local: %s\n' "$*" >&2; exit 1; }

only_calls=false
case "${1:-}" in
    "") ;;
    --calls) only_calls=true ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
esac
[ $# -le 1 ] || { usage >&2; exit 2; }

if [ ! -x "$VENV/bin/moto_server" ]; then
    say "installing moto into $VENV"
    mkdir -p "$(dirname "$VENV")"
    python3 -m venv "$VENV"
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check \
        --requirement infrastructure/pulumi/local/requirements.txt --requirement infrastructure/pulumi/requirements.txt
fi
say "calls that moto does not know"
(cd tests/infrastructure && "../../$VENV/bin/python" local_aws.py)
if $only_calls; then exit 0; fi
if ! command -v pulumi >/dev/null; then
    echo "aws-local: pulumi is not on the PATH, so the rest was not tried: https://www.pulumi.com/docs/install" >&2
    exit 3
fi

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$VENV/bin/moto_server" --host 127.0.0.1 --port "$port" >.build/aws-local/moto.log 2>&1 &
server=$!
work=$(mktemp -d "${TMPDIR:-/tmp}/hello-dd-aws.XXXXXX")
trap 'kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
rm -rf "$STATE"
mkdir -p "$STATE"
export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION=eu-west-1 AWS_EC2_METADATA_DISABLED=true
export PULUMI_BACKEND_URL=file://$PWD/$STATE PULUMI_CONFIG_PASSPHRASE=local PULUMI_SKIP_UPDATE_CHECK=true
export AWS_ENDPOINT_URL=http://127.0.0.1:$port
for _ in $(seq 60); do curl --silent --output /dev/null "$AWS_ENDPOINT_URL/moto-api/" && break; sleep 0.5; done

# In a copy, because a stack's file is written to; the shop's own folders beside it, because the program looks for them.
cp -r infrastructure k8s observability "$work/"
ln -s "$PWD/.venv" "$work/.venv"
sed -i "s|virtualenv: .*|virtualenv: $PWD/$VENV|" "$work/infrastructure/pulumi/foundation/Pulumi.yaml"
foundation() { pulumi --cwd "$work/infrastructure/pulumi/foundation" --non-interactive "$@" --stack dev; }
# The account's zone, which is there before the program.
AWS_DEFAULT_REGION=eu-west-1 "$VENV/bin/python" -c '
import boto3, os
boto3.client("route53", endpoint_url=os.environ["AWS_ENDPOINT_URL"]).create_hosted_zone(Name="example.org", CallerReference="local")'
pulumi --cwd "$work/infrastructure/pulumi/foundation" stack init dev >/dev/null
foundation config set hello-dd:local true
foundation config set aws:skipCredentialsValidation true
foundation config set hello-dd:databaseAuthorities -- '-----BEGIN CERTIFICATE----- (none)'
foundation config set hello-dd:usersPublicKey -- '-----BEGIN PUBLIC KEY----- (none)'
say "up"
foundation up --yes --skip-preview
say "up again: nothing may differ"
foundation up --yes --skip-preview --expect-no-changes || fail "the second up found differences"
say "destroy"
foundation destroy --yes --skip-preview
say "moto took, kept and gave back what it knows of the foundation"
