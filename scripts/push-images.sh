#!/usr/bin/env bash
# Builds the services' images for Graviton, pushes them into a stack's registry, and writes their digests into the stack's second half.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly SERVICES=(inventory-service pricing-service api-gateway)
readonly PLATFORM=linux/arm64
readonly PROGRAM=infrastructure/pulumi

usage() {
    cat <<'TEXT'
usage: scripts/push-images.sh STACK        STACK: dev, staging, prod

For each service: builds its image for linux/arm64, pushes it to the ECR repository that the stack's foundation made, under a tag that is the
commit (and is never pushed twice), and sets hello-dd:images of the stack's workload to REPOSITORY@sha256:… . Nothing is deployed: that is
what `make aws-up STACK=…` does next.

needs: docker with buildx, aws, pulumi, git; a clean work tree, so that the tag says what is in the image; the foundation up

exit status: 0 pushed, 1 failed, 2 wrong usage
TEXT
}

say() { printf '==> %s\n' "$*"; }
fail() { printf 'push-images: %s\n' "$*" >&2; exit 1; }

case "${1:-}" in
    -h | --help) usage; exit 0 ;;
    dev | staging | prod) ;;
    *) usage >&2; exit 2 ;;
esac
[ $# -eq 1 ] || { usage >&2; exit 2; }
readonly STACK=$1

for tool in docker aws pulumi git; do command -v "$tool" >/dev/null || fail "$tool is not on the PATH"; done
docker buildx version >/dev/null 2>&1 || fail "docker has no buildx, which builds for another architecture than this machine's"
[ -z "$(git status --porcelain)" ] || fail "the work tree has changes that no commit names: commit them first"
tag=$(git rev-parse --short=12 HEAD)
# A letter first: a tag of digits alone would be read as a number.
tag=g$tag

output() { pulumi --cwd "$PROGRAM/foundation" stack output --stack "$STACK" "$1"; }
repository() { pulumi --cwd "$PROGRAM/foundation" stack output --stack "$STACK" --json repositories | python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

region=$(output region) || fail "the foundation of $STACK is not up: make aws-up STACK=$STACK"
first=$(repository inventory-service)
say "logging in to ${first%%/*}"
aws ecr get-login-password --region "$region" | docker login --username AWS --password-stdin "${first%%/*}" >/dev/null || fail "cannot log in to the registry"

for service in "${SERVICES[@]}"; do
    repository=$(repository "$service")
    describe=(aws ecr describe-images --region "$region" --repository-name "${repository#*/}" --image-ids "imageTag=$tag"
        --query 'imageDetails[0].imageDigest' --output text)
    if digest=$("${describe[@]}" 2>/dev/null) && [[ $digest == sha256:* ]]; then
        say "$service: $tag is there already"
    else
        say "$service: building and pushing $repository:$tag"
        docker buildx build --platform "$PLATFORM" --target "$service" --tag "$repository:$tag" --provenance=false --push . ||
            fail "$service: the image was not built or not pushed"
        digest=$("${describe[@]}") || fail "$service: the registry does not know $tag"
    fi
    [[ $digest == sha256:* ]] || fail "$service: '$digest' is no digest"
    pulumi --cwd "$PROGRAM/workload" config set --stack "$STACK" --path "hello-dd:images.$service" "$repository@$digest" >/dev/null
    say "$service: $digest"
done
