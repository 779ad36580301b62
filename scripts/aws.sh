#!/usr/bin/env bash
# The shop on AWS: what `make aws-preview`, `make aws-up` and `make aws-down` do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly PROGRAM=infrastructure/pulumi
readonly KEYS=k8s/overlays/eks/secrets

usage() {
    cat <<'TEXT'
usage: scripts/aws.sh preview|up|down STACK        STACK: dev, staging, prod

  preview   says what would be made, changed and removed; changes nothing
  up        foundation → images (scripts/push-images.sh) → workload → an order through the load balancer
  down      workload → foundation: everything is removed, and all data with it. prod refuses until its protection is taken off by hand

Each says first what it needs and what it costs, and `up` and `down` ask. YES=1 answers.

needs: pulumi 3, aws (with credentials), docker with buildx, kubectl, curl, openssl; a Route 53 zone; infrastructure/pulumi/README.md says more

exit status: 0 done, 1 failed or not wanted, 2 wrong usage
TEXT
}

say() { printf '==> %s\n' "$*"; }
fail() { printf 'aws: %s\n' "$*" >&2; exit 1; }

case "${1:-}" in
    -h | --help) usage; exit 0 ;;
    preview | up | down) ;;
    *) usage >&2; exit 2 ;;
esac
case "${2:-}" in
    dev | staging | prod) ;;
    *) usage >&2; echo "aws: there is no stack '${2:-}'" >&2; exit 2 ;;
esac
[ $# -eq 2 ] || { usage >&2; exit 2; }
readonly COMMAND=$1 STACK=$2

# Dollars a month, from docs/capacity.md, which says what they are made of.
cost() {
    case $STACK in
        dev) echo "about 440 dollars a month while it is there (0.60 an hour)" ;;
        staging) echo "about 810 dollars a month while it is there (1.10 an hour)" ;;
        prod) echo "about 1,460 dollars a month while it is there (2 an hour), and more under load" ;;
    esac
}

case $COMMAND in
    preview) say "looks at AWS with your credentials, and changes nothing; costs nothing" ;;
    up) say "makes stack $STACK: a network, a cluster, a database, a cache, a load balancer; takes 30 to 45 minutes; costs $(cost)" ;;
    down) say "removes stack $STACK, with its database and everything in it; takes 20 to 30 minutes; ends what costs $(cost)" ;;
esac
tools=(pulumi aws)
if [ "$COMMAND" = up ]; then tools+=(docker kubectl curl openssl); fi
missing=()
for tool in "${tools[@]}"; do command -v "$tool" >/dev/null || missing+=("$tool"); done
[ ${#missing[@]} -eq 0 ] || fail "not on the PATH: ${missing[*]}"
identity=$(aws sts get-caller-identity --query '[Account, Arn]' --output text 2>/dev/null) || fail "aws has no credentials: aws configure sso, or AWS_PROFILE"
say "as $identity"
grep -q 'example\.org' "$PROGRAM/foundation/Pulumi.$STACK.yaml" && fail "$PROGRAM/foundation/Pulumi.$STACK.yaml still has example.org: put your zone, and the same into workload/"

confirm() {
    [ "${YES:-}" != 1 ] || return 0
    [ -t 0 ] || fail "nobody to ask: set YES=1 if it is meant"
    local answer
    read -r -p "    Type the stack's name to go on: " answer
    [ "$answer" = "$STACK" ] || fail "not done"
}

scripts/setup.sh --test
stack() { # PROJECT ARGUMENTS…
    local project=$1
    shift
    pulumi --cwd "$PROGRAM/$project" "$@" --stack "$STACK"
}
select_stacks() {
    local project
    for project in foundation workload; do
        pulumi --cwd "$PROGRAM/$project" stack select --create "$STACK" >/dev/null || fail "no stack $STACK in $project: pulumi login says where stacks are kept"
    done
}
setting() { stack foundation config get "hello-dd:$1" 2>/dev/null; }

# What is no part of the stack's file: the region's certificates, and the public half of the pair that signs users' tokens.
give() {
    local region
    region=$(setting region)
    if ! setting databaseAuthorities >/dev/null; then
        say "fetching the certificates of RDS in $region"
        curl --fail --silent --show-error --proto '=https' "https://truststore.pki.rds.amazonaws.com/$region/$region-bundle.pem" |
            stack foundation config set hello-dd:databaseAuthorities || fail "no certificates"
    fi
    if ! setting usersPublicKey >/dev/null; then
        scripts/secrets.sh "$KEYS"
        stack foundation config set hello-dd:usersPublicKey <"$KEYS/keys/users.pub.pem"
    fi
}

# The database and the cluster of prod are kept from deletion twice: by AWS, and by Pulumi.
protected() { [ "$STACK" = prod ] && fail "prod is protected. To remove it: set protected=False in $PROGRAM/shop/settings.py, make aws-up, then again"; return 0; }

select_stacks
case $COMMAND in
    preview)
        give
        stack foundation preview
        if stack foundation stack output clusterName >/dev/null 2>&1 && stack workload config get hello-dd:images >/dev/null 2>&1; then
            stack workload preview
        else
            say "the workload can be looked at once the foundation is up and images are pushed"
        fi
        ;;
    up)
        confirm
        give
        stack foundation up --yes
        scripts/push-images.sh "$STACK"
        stack workload up --yes
        url=$(stack workload stack output url)
        say "waiting until $url is known everywhere, and answers"
        curl --fail --silent --show-error --retry 60 --retry-delay 10 --retry-all-errors --max-time 20 "$url/health/ready" >/dev/null || fail "$url does not answer"
        scripts/test-full-system.sh --keys "$KEYS" "$url"
        say "$url is up. It costs $(cost): make aws-down STACK=$STACK ends that"
        ;;
    down)
        protected
        confirm
        # The load balancer is the controller's: it must go before the controller, or it stays, and so does the network.
        stack workload destroy --yes
        stack foundation destroy --yes
        say "nothing of $STACK is left, but what is in your Route 53 zone and Pulumi's own records"
        ;;
esac
