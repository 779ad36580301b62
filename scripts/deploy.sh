#!/usr/bin/env bash
# Deploys parts of the shop into the kind cluster. The scripts deploy-….sh call it with their part; all of them can be run again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly CLUSTER=${CLUSTER:-hello-dd}
readonly NAMESPACE=hello-dd
readonly OVERLAY=k8s/overlays/kind
# How long a rollout may take: a new replica has two minutes to reach its database.
readonly TIMEOUT=${ROLLOUT_TIMEOUT:-300s}

usage() {
    cat <<'TEXT'
usage: scripts/deploy.sh SERVICE…        SERVICE: inventory-service, pricing-service, api-gateway

For each service in turn: builds its image, loads it into the kind cluster "hello-dd" (scripts/kind-up.sh makes it), applies its manifests
and those of what it needs, waits for the rollout, asks the new replica for its health, and goes back to the version before if any of that
fails. Run again with nothing changed, it changes nothing.

environment: CLUSTER, another kind cluster; ROLLOUT_TIMEOUT, instead of 300s

exit status: 0 deployed, 1 failed (and rolled back where there was a version before), 2 wrong usage
TEXT
}

say() { printf '==> %s\n' "$*"; }
fail() { printf 'deploy: %s\n' "$*" >&2; exit 1; }

# Named everywhere, so that no other cluster is ever touched, whatever the current context is.
kube() { kubectl --context "kind-$CLUSTER" "$@"; }

check_tools() {
    local tool
    for tool in docker kind kubectl; do command -v "$tool" >/dev/null || fail "$tool is not on the PATH"; done
    docker info >/dev/null 2>&1 || fail "no Docker engine answers"
    kind get clusters 2>/dev/null | grep -qx "$CLUSTER" || fail "there is no kind cluster '$CLUSTER': make it with scripts/kind-up.sh"
}

# needs SERVICE: the values of app.kubernetes.io/name of everything that goes with it.
needs() {
    case $1 in
        inventory-service) echo "hello-dd,postgres,inventory-service" ;;
        pricing-service) echo "hello-dd,postgres,redis,pricing-service" ;;
        api-gateway) echo "hello-dd,postgres,api-gateway" ;;
    esac
}

# image SERVICE: builds and loads the image, and sets `image` to its name. The tag is what is in it, so equal images have equal names, and
# a rollout happens if and only if something changed.
image() {
    local service=$1 id
    say "$service: building its image"
    docker build --target "$service" --tag "hello-dd/$service:0.1.0" . || fail "$service: the image does not build"
    id=$(docker image inspect --format '{{.Id}}' "hello-dd/$service:0.1.0")
    id=${id#sha256:}
    # A letter first: a tag of digits alone would be read as a number.
    image=hello-dd/$service:v${id:0:12}
    docker tag "hello-dd/$service:0.1.0" "$image"
    say "$service: loading $image into the cluster"
    kind load docker-image --name "$CLUSTER" "$image" || fail "$service: the image cannot be loaded"
}

# deployed_image SERVICE: nothing if it is not deployed.
deployed_image() { kube --namespace "$NAMESPACE" get deployment "$1" --ignore-not-found --output 'jsonpath={.spec.template.spec.containers[0].image}'; }

revision() {
    kube --namespace "$NAMESPACE" get deployment "$1" --ignore-not-found \
        --output 'jsonpath={.metadata.annotations.deployment\.kubernetes\.io/revision}'
}

apply() { # SERVICE IMAGE
    local service=$1 image=$2 manifests
    say "$service: applying $OVERLAY, of it: $(needs "$service")"
    manifests=$(kube kustomize "$OVERLAY") || fail "$OVERLAY does not render"
    printf '%s\n' "${manifests//"image: hello-dd/$service:0.1.0"/"image: $image"}" |
        kube apply --filename - --selector "app.kubernetes.io/name in ($(needs "$service"))"
}

roll_out() { # SERVICE
    local service=$1 set
    for set in postgres redis; do
        [[ ,$(needs "$service"), == *",$set,"* ]] || continue
        kube --namespace "$NAMESPACE" rollout status "statefulset/$set" --timeout "$TIMEOUT" || return 1
    done
    kube --namespace "$NAMESPACE" rollout status "deployment/$service" --timeout "$TIMEOUT" || return 1
}

smoke_test() { # SERVICE
    say "$1: asking a replica for its health"
    kube --namespace "$NAMESPACE" exec "deployment/$1" --container "$1" -- "/usr/local/bin/$1" health
}

roll_back() { # SERVICE REVISION
    local service=$1 before=$2
    say "$service: it failed; this is how its pods are"
    kube --namespace "$NAMESPACE" get pods --selector "app.kubernetes.io/name=$service" --output wide || true
    kube --namespace "$NAMESPACE" logs "deployment/$service" --all-containers --prefix --tail 20 || true
    if [ -z "$before" ]; then
        fail "$service: there is no version before this one to go back to, so it is left as it is, for a look"
    fi
    if [ "$before" = "$(revision "$service")" ]; then
        fail "$service: the version that fails is the one that was there before, so there is nothing to go back to"
    fi
    say "$service: going back to revision $before"
    kube --namespace "$NAMESPACE" rollout undo "deployment/$service" --to-revision "$before" || fail "$service: cannot go back to revision $before"
    kube --namespace "$NAMESPACE" rollout status "deployment/$service" --timeout "$TIMEOUT" || fail "$service: revision $before does not become ready either"
    fail "$service: rolled back to revision $before"
}

deploy() { # SERVICE
    local service=$1 before old
    image "$service"
    before=$(revision "$service")
    old=$(deployed_image "$service")
    apply "$service" "$image" || fail "$service: the manifests were not accepted"
    if roll_out "$service" && smoke_test "$service"; then
        if [ "$old" = "$image" ]; then say "$service: was up to date"; else say "$service: deployed $image"; fi
    else
        roll_back "$service" "$before"
    fi
}

services=()
for argument in "$@"; do
    case $argument in
        -h | --help) usage; exit 0 ;;
        inventory-service | pricing-service | api-gateway) services+=("$argument") ;;
        *) usage >&2; echo "deploy: there is no service '$argument'" >&2; exit 2 ;;
    esac
done
[ ${#services[@]} -gt 0 ] || { usage >&2; exit 2; }

image=
check_tools
scripts/secrets.sh "$OVERLAY/secrets"
for service in "${services[@]}"; do deploy "$service"; done
