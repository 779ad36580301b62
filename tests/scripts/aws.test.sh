#!/usr/bin/env bash
# The scripts for AWS, against stand-ins of pulumi, aws, docker and git: what they say, what they refuse, and in which order they act.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/scripts/assertions.sh
source tests/scripts/assertions.sh
# shellcheck source=tests/scripts/stand-ins.sh
source tests/scripts/stand-ins.sh

# In a copy, because the scripts make secrets in the tree; what they start there says nothing.
mkdir -p "$stand_ins/tree"
cp -r scripts k8s infrastructure "$stand_ins/tree/"
rm -rf "$stand_ins"/tree/k8s/overlays/*/secrets
cd "$stand_ins/tree"
for script in setup test-full-system; do printf '#!/bin/sh\necho "%s $*" >>"%s/calls"\n' "$script" "$stand_ins" >"scripts/$script.sh"; done
sed -i 's/example\.org/shop.test/' infrastructure/pulumi/foundation/Pulumi.dev.yaml infrastructure/pulumi/foundation/Pulumi.prod.yaml
for tool in pulumi aws docker git curl; do make_stand_in "$tool"; done

readonly DIGEST=sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
readonly REGISTRY=123456789012.dkr.ecr.eu-west-1.amazonaws.com

account() {
    reset
    answer aws 0 "sts get-caller-identity" "123456789012 arn:aws:iam::123456789012:role/me"
    answer git 0 "rev-parse" 0123456789ab
    answer pulumi 0 "config get hello-dd:region" eu-west-1
    answer pulumi 1 "config get hello-dd:databaseAuthorities"
    answer pulumi 1 "config get hello-dd:usersPublicKey"
    answer pulumi 0 "output --stack dev region" eu-west-1
    answer pulumi 0 "--json repositories" \
        "{\"inventory-service\": \"$REGISTRY/d/inventory-service\", \"pricing-service\": \"$REGISTRY/d/pricing-service\", \"api-gateway\": \"$REGISTRY/d/api-gateway\"}"
    answer pulumi 0 "stack output url" https://shop.test
    answer aws 0 "ecr describe-images" "None | $DIGEST | None | $DIGEST | None | $DIGEST"
}
aws() { with_stand_ins scripts/aws.sh "$@"; }
sure() { YES=1 aws "$@"; }

expect 0 "usage: scripts/aws.sh preview|up|down" scripts/aws.sh --help
expect 2 "usage: scripts/aws.sh" scripts/aws.sh destroy dev
expect 2 "there is no stack 'production'" scripts/aws.sh up production
expect 0 "usage: scripts/push-images.sh STACK" scripts/push-images.sh --help
expect 2 "usage: scripts/push-images.sh" scripts/push-images.sh
expect 0 "usage: scripts/aws-local.sh" scripts/aws-local.sh --help
expect 2 "usage: scripts/aws-local.sh" scripts/aws-local.sh now

# What it costs is said before anything is asked of AWS.
account
expect 1 "dollars a month" aws up dev
expect 1 "nobody to ask" aws up dev
expect 0 "" not_called "pulumi --cwd infrastructure/pulumi/foundation up"
reset
answer aws 1 "sts get-caller-identity"
expect 1 "aws has no credentials" aws preview dev
expect 0 "" not_called pulumi
account
expect 1 "still has example.org" aws up staging

account
expect 0 "==> https://shop.test is up" sure up dev
expect 0 "" called "config set hello-dd:databaseAuthorities"
expect 0 "" called_before "config set hello-dd:usersPublicKey" "foundation up --yes"
expect 0 "" called_before "foundation up --yes" "docker buildx build --platform linux/arm64 --target inventory-service"
expect 0 "" called "config set --stack dev --path hello-dd:images.api-gateway $REGISTRY/d/api-gateway@$DIGEST"
expect 0 "" called_before "hello-dd:images.api-gateway" "workload up --yes"
expect 0 "" called_before "workload up --yes" "test-full-system --keys"
expect 0 "" test -s k8s/overlays/eks/secrets/keys/users.pub.pem

account
expect 0 "nothing of dev is left" sure down dev
expect 0 "" called_before "workload destroy" "foundation destroy"
account
expect 1 "prod is protected" sure down prod
expect 0 "" not_called destroy

# Images: a commit names what is in them, and is pushed once.
images() { with_stand_ins scripts/push-images.sh dev; }
account
answer git 0 "status --porcelain" " M Package.swift"
expect 1 "commit them first" images
reset
answer git 0 "rev-parse" 0123456789ab
answer pulumi 0 "region" eu-west-1
answer pulumi 0 "--json repositories" \
    "{\"inventory-service\": \"$REGISTRY/d/inventory-service\", \"pricing-service\": \"$REGISTRY/d/pricing-service\", \"api-gateway\": \"$REGISTRY/d/api-gateway\"}"
answer aws 0 "ecr describe-images" "$DIGEST"
expect 0 "api-gateway: g0123456789ab is there already" images
expect 0 "" not_called "docker buildx build"
reset
answer git 0 "rev-parse" 0123456789ab
answer pulumi 1 "region"
expect 1 "the foundation of dev is not up" images

conclude
