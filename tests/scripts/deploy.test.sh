#!/usr/bin/env bash
# The scripts that deploy, against stand-ins of docker, kind and kubectl: what they call, in which order, and what they do when it fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/scripts/assertions.sh
source tests/scripts/assertions.sh
# shellcheck source=tests/scripts/stand-ins.sh
source tests/scripts/stand-ins.sh

# In a copy, because the scripts make secrets in the tree.
mkdir -p "$stand_ins/tree"
cp -r scripts k8s "$stand_ins/tree/"
rm -rf "$stand_ins"/tree/k8s/overlays/*/secrets
cd "$stand_ins/tree"
for tool in docker kind kubectl curl; do make_stand_in "$tool"; done
export INTERVAL=0

readonly ID=sha256:abcdef0123456789
readonly TAG=vabcdef012345

# A cluster that is up, with nothing in it.
cluster() {
    reset
    answer kind 0 "get clusters" hello-dd
    answer docker 0 "image inspect --format" "$ID"
    answer kubectl 0 "kustomize k8s/overlays/kind" "image: hello-dd/inventory-service:0.1.0"
}

# The same with inventory-service in it, at a revision.
deployed() { # REVISION IMAGE
    cluster
    answer kubectl 0 "jsonpath={.metadata.annotations" "$1"
    answer kubectl 0 "containers[0].image" "hello-dd/inventory-service:$2"
}

inventory() { with_stand_ins scripts/deploy-inventory.sh; }

# --- usage and what must be there -----------------------------------------------------------------------------------------------------

expect 0 "usage: scripts/deploy.sh" scripts/deploy.sh --help
expect 2 "usage: scripts/deploy.sh" scripts/deploy.sh
expect 2 "there is no service 'stock'" scripts/deploy.sh stock
expect 2 "usage: scripts/deploy-full-system.sh" scripts/deploy-full-system.sh now
reset
expect 1 "there is no kind cluster 'hello-dd': make it with scripts/kind-up.sh" inventory
answer docker 1 "info"
expect 1 "no Docker engine answers" inventory
expect 0 "" not_called "kubectl"

# --- the first time ---------------------------------------------------------------------------------------------------------------------

cluster
expect 0 "inventory-service: deployed hello-dd/inventory-service:$TAG" inventory
expect 0 "" test -s k8s/overlays/kind/secrets/database/inventory
expect 0 "" called "docker build --target inventory-service"
expect 0 "" called "kind load docker-image --name hello-dd hello-dd/inventory-service:$TAG"
expect 0 "" called "--selector app.kubernetes.io/name in (hello-dd,postgres,inventory-service)"
expect 0 "" called_before "kind load" "apply --filename -"
expect 0 "" called_before "apply --filename -" "rollout status statefulset/postgres"
expect 0 "" called_before "rollout status statefulset/postgres" "rollout status deployment/inventory-service"
expect 0 "" called_before "rollout status deployment/inventory-service" "exec deployment/inventory-service"
expect 0 "" called "exec deployment/inventory-service --container inventory-service -- /usr/local/bin/inventory-service health"
expect 0 "" not_called "rollout undo"
expect 0 "" not_called "redis"
# What was applied names the image that was built, by what is in it.
expect 0 "image: hello-dd/inventory-service:$TAG" cat "$stand_ins/input"
# No call goes to whatever cluster is the current one.
expect 1 "" bash -c "grep '^kubectl' '$stand_ins/calls' | grep -qv -- '--context kind-hello-dd'"

# --- the second time --------------------------------------------------------------------------------------------------------------------

deployed 3 "$TAG"
cp -r k8s/overlays/kind/secrets "$stand_ins/secrets-before"
expect 0 "inventory-service: was up to date" inventory
expect 0 "" diff -r k8s/overlays/kind/secrets "$stand_ins/secrets-before"
expect 0 "" not_called "rollout undo"

# --- a rollout that fails ---------------------------------------------------------------------------------------------------------------

cluster
answer kubectl 0 "jsonpath={.metadata.annotations" "3 | 4"
answer kubectl 1 "rollout status deployment/inventory-service" "timed out | rolled back"
expect 1 "going back to revision 3" inventory
expect 0 "" called "rollout undo deployment/inventory-service --to-revision 3"
expect 0 "" called "logs deployment/inventory-service"
expect 0 "" not_called "exec deployment"

# It was the first: there is nothing to go back to, and it says so.
cluster
answer kubectl 1 "rollout status deployment/inventory-service"
expect 1 "there is no version before this one" inventory
expect 0 "" not_called "rollout undo"

# A replica that became ready and is not healthy is a failure too.
cluster
answer kubectl 0 "jsonpath={.metadata.annotations" "3 | 4"
answer kubectl 1 "exec deployment/inventory-service"
expect 1 "rolled back to revision 3" inventory

# The version that fails was there before.
deployed 3 "$TAG"
answer kubectl 1 "rollout status deployment/inventory-service"
expect 1 "there is nothing to go back to" inventory

# PostgreSQL does not come up: the service is not waited for.
cluster
answer kubectl 1 "rollout status statefulset/postgres"
expect 1 "inventory-service" inventory
expect 0 "" not_called "rollout status deployment/inventory-service"

# Nothing is applied when the image does not build, cannot be loaded, or the manifests do not render.
cluster
answer docker 1 "build"
expect 1 "the image does not build" inventory
expect 0 "" not_called "apply"
cluster
answer kind 1 "load docker-image"
expect 1 "the image cannot be loaded" inventory
expect 0 "" not_called "apply"
reset
answer kind 0 "get clusters" hello-dd
answer docker 0 "image inspect --format" "$ID"
answer kubectl 1 "kustomize"
expect 1 "does not render" inventory
expect 0 "" not_called "apply --filename"

# --- the other parts --------------------------------------------------------------------------------------------------------------------

cluster
expect 0 "pricing-service: deployed" with_stand_ins scripts/deploy-pricing.sh
expect 0 "" called "(hello-dd,postgres,redis,pricing-service)"
expect 0 "" called "rollout status statefulset/redis"
cluster
expect 0 "api-gateway: deployed" with_stand_ins scripts/deploy-gateway.sh
expect 0 "" called "(hello-dd,postgres,api-gateway)"

# The whole system, callees first, then the test of it; which fails if the shop does not answer.
cluster
answer curl 0 "health/ready" 200
answer curl 0 "NOTHING-999" 404
answer curl 0 "/quotes" 201
answer curl 0 "/orders" 401
answer curl 0 "http" 200
make_stand_in hello-dd
export HELLO_DD=$stand_ins/bin/hello-dd
expect 0 "orders are not for strangers (401)" with_stand_ins scripts/deploy-full-system.sh
expect 0 "" called_before "exec deployment/inventory-service" "build --target pricing-service"
expect 0 "" called_before "exec deployment/pricing-service" "build --target api-gateway"
expect 0 "" called "hello-dd demo --url http://127.0.0.1:8080 --data k8s/overlays/kind/secrets"
cluster
answer curl 0 "health/ready" 503
expect 1 "it is ready: expected 200, got 503" with_stand_ins scripts/deploy-full-system.sh
cluster
answer kubectl 1 "rollout status deployment/inventory-service"
expect 1 "" with_stand_ins scripts/deploy-full-system.sh
expect 0 "" not_called "pricing-service"

# --- the cluster ------------------------------------------------------------------------------------------------------------------------

reset
expect 0 "making the cluster 'hello-dd'" with_stand_ins scripts/kind-up.sh
expect 0 "" called "kind create cluster --name hello-dd --config k8s/cluster/kind.yaml"
expect 0 "" called "apply --kustomize k8s/cluster/traefik"
expect 0 "" called "apply --kustomize k8s/cluster/metrics-server"
cluster
expect 0 "the cluster 'hello-dd' is there" with_stand_ins scripts/kind-up.sh
expect 0 "" not_called "kind create"
reset
answer kind 1 "create cluster"
expect 1 "the cluster cannot be made" with_stand_ins scripts/kind-up.sh
expect 0 "" not_called "apply"
cluster
answer kubectl 1 "rollout status deployment/traefik"
expect 1 "the Ingress controller does not become ready" with_stand_ins scripts/kind-up.sh
cluster
expect 0 "" with_stand_ins scripts/kind-down.sh
expect 0 "" called "kind delete cluster --name hello-dd"
reset
expect 0 "there is no cluster" with_stand_ins scripts/kind-down.sh
expect 0 "" not_called "delete"
for script in kind-up kind-down; do expect 2 "usage: scripts/$script.sh" "scripts/$script.sh" --now; done

# --- looking and testing ------------------------------------------------------------------------------------------------------------------

expect 2 "usage: scripts/health-check.sh TARGET" scripts/health-check.sh
expect 2 "usage: scripts/health-check.sh TARGET" scripts/health-check.sh moon
reset
answer kubectl 0 "readyReplicas" 2
answer kubectl 0 "spec.replicas" 2
expect 0 "2 of 2 replicas" with_stand_ins scripts/health-check.sh kind
reset
answer kubectl 0 "get deployment pricing-service --ignore-not-found --output jsonpath={.status" 1
answer kubectl 0 "readyReplicas" 2
answer kubectl 0 "spec.replicas" 2
expect 1 "1 of 2 replicas" with_stand_ins scripts/health-check.sh kind
reset
answer curl 22 "8002/health/ready"
answer curl 0 "/health " '{"dependencies":[{"name":"database","status":"up","milliseconds":1},{"name":"inventory","status":"down"}]}'
expect 1 "not ready" with_stand_ins scripts/health-check.sh compose
reset
answer curl 0 "//shop.example/health/ready"
answer curl 0 "//shop.example/health" '{"dependencies": [{"name": "database", "status": "up"}, {"name": "inventory", "status": "down"}]}'
expect 0 "database up,inventory down" with_stand_ins scripts/health-check.sh https://shop.example/

expect 2 "usage: scripts/test-full-system.sh" scripts/test-full-system.sh
expect 2 "usage: scripts/test-full-system.sh" scripts/test-full-system.sh moon
shop() {
    reset
    answer curl 0 "NOTHING-999" 404
    answer curl 0 "/quotes" 201
    answer curl 0 "/orders" 401
    answer curl 0 "http" 200
}
shop
expect 3 "orders were not tested" with_stand_ins scripts/test-full-system.sh https://shop.example
shop
answer hello-dd 1 demo "a surprise"
expect 1 "a surprise" with_stand_ins scripts/test-full-system.sh --keys k8s/overlays/kind/secrets https://shop.example

# --- scaling --------------------------------------------------------------------------------------------------------------------------------

# The load runs until it is stopped.
cat >"$stand_ins/bin/hello-dd" <<SCRIPT
#!$(command -v bash)
echo "hello-dd \$*" >>"$stand_ins/calls"
exec sleep 60
SCRIPT
expect 2 "usage: scripts/validate-scaling.sh" scripts/validate-scaling.sh redis
reset
expect 1 "has no autoscaler" with_stand_ins scripts/validate-scaling.sh
reset
answer kubectl 0 "minReplicas" 2
answer kubectl 0 "currentReplicas" "2/9 | 2/160 | 4/170 | 4/3 | 3/2 | 2/1"
expect 0 "ok: up to 4 replicas" with_stand_ins scripts/validate-scaling.sh pricing-service
expect 0 "" called "hello-dd load --url http://127.0.0.1:8080"
expect 0 "" called "get horizontalpodautoscaler pricing-service"
reset
answer kubectl 0 "minReplicas" 2
answer kubectl 0 "currentReplicas" "2/9"
PATIENCE=0 expect 1 "FAILED: after 0 s of load there are still 2 replicas" with_stand_ins scripts/validate-scaling.sh
reset
answer kubectl 0 "minReplicas" 2
answer kubectl 0 "currentReplicas" "2/9 | 4/100 | 4/90"
PATIENCE=0 expect 1 "after the load there are still 4 replicas, and 2 are enough" with_stand_ins scripts/validate-scaling.sh

conclude
