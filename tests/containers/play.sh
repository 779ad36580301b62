#!/usr/bin/env bash
# The pods of the three Deployments, with their ConfigMaps and Secrets, as real containers: they migrate, become ready, and serve the tour.
# Needs podman, root, and the images in Docker.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/containers/steps.sh
source tests/containers/steps.sh

readonly NETWORK=hello-dd-play SUBNET=10.89.77.0/24
readonly IMAGES=(hello-dd/inventory-service:0.1.0 hello-dd/pricing-service:0.1.0 hello-dd/api-gateway:0.1.0 hello-dd/hello-dd:0.1.0 postgres:17)
# As tests/containers/play/kustomization.yaml has them. Deployments come in the order of their names.
readonly POSTGRES=10.89.77.10 GATEWAY=10.89.77.13 INVENTORY=10.89.77.11 PRICING=10.89.77.12

# The Secrets and their volumes, whose names end in a hash.
readonly VOLUMES='^(inventory-service|pricing-service|api-gateway)-(database|keys)-'

folder=$(mktemp -d)
manifest=$folder/pods.yaml
clean_up() {
    local volumes
    [ ! -f "$manifest" ] || podman kube down "$manifest" >/dev/null 2>&1 || podman play kube --down "$manifest" >/dev/null 2>&1 || true
    podman rm --force --volumes hello-dd-play-postgres >/dev/null 2>&1 || true
    podman network rm --force "$NETWORK" >/dev/null 2>&1 || true
    mapfile -t volumes < <(podman volume ls --quiet | grep -E "$VOLUMES")
    [ ${#volumes[@]} -eq 0 ] || { podman volume rm --force "${volumes[@]}"; podman secret rm "${volumes[@]}"; } >/dev/null 2>&1 || true
    rm -rf "$folder"
}
trap clean_up EXIT

# What the pods' containers say, for who looks for the fault.
told() {
    local name
    podman ps --all --format '{{.Names}} {{.Status}}'
    for name in $(podman ps --all --format '{{.Names}}' | grep -- '-pod-'); do podman logs --tail 5 "$name" 2>&1 | sed "s/^/$name: /" || true; done
}

say "images"
for image in "${IMAGES[@]}"; do
    docker save "$image" | podman load --quiet >/dev/null
    # A short name in a manifest means Docker's own registry.
    podman tag "localhost/$image" "docker.io/$([[ $image == */* ]] || echo library/)$image" 2>/dev/null || true
done

say "secrets and manifests"
[ -x .venv/bin/kubectl ] || scripts/setup.sh --test >&2
mkdir "$folder/tree"
cp -r k8s scripts "$folder/tree/"
mkdir -p "$folder/tree/tests"
cp -r tests/containers "$folder/tree/tests/"
rm -rf "$folder"/tree/k8s/overlays/*/secrets
secrets=$folder/tree/k8s/overlays/kind/secrets
"$folder/tree/scripts/secrets.sh" "$secrets" >/dev/null
.venv/bin/python - "$folder/tree/tests/containers/play" >"$manifest" <<'PYTHON'
import sys
sys.path.insert(0, "tests/k8s")
import manifests
import yaml
objects = manifests.kustomize(sys.argv[1])
services = [o for o in objects if o["kind"] == "Deployment"]
pods = [manifests.Workload(manifests.Rendered("play", objects), o) for o in services]
names = {v["secret"]["secretName"] for w in pods for v in w.pod["volumes"] if "secret" in v}
names |= {e["configMapRef"]["name"] for w in pods for c in w.containers for e in c["envFrom"]}
wanted = [o for o in objects if o["kind"] in ("ConfigMap", "Secret") and o["metadata"]["name"] in names]
yaml.safe_dump_all(wanted + sorted(services, key=lambda o: o["metadata"]["name"]), sys.stdout)
PYTHON

say "PostgreSQL"
podman network create --subnet "$SUBNET" "$NETWORK" >/dev/null
podman run --detach --name hello-dd-play-postgres --network "$NETWORK" --ip "$POSTGRES" \
    --env POSTGRES_USER=postgres --env POSTGRES_PASSWORD="$(openssl rand -hex 16)" \
    --volume "$secrets/database:/run/secrets/database:ro" \
    --volume "$PWD/k8s/postgres/create-databases.sh:/docker-entrypoint-initdb.d/create-databases.sh:ro" postgres:17 >/dev/null
check "PostgreSQL answers" eventually 60 podman exec hello-dd-play-postgres pg_isready --quiet --host=127.0.0.1 --username=postgres

say "podman kube play"
started() { podman pod start inventory-service-pod-0 pricing-service-pod-0 api-gateway-pod-0; }
if ! check "the pods are made" podman kube play --start=false --network "$NETWORK" --ip "$GATEWAY" --ip "$INVENTORY" --ip "$PRICING" "$manifest"; then
    conclude
    exit 1
fi
# podman before 4.4 writes a Secret into its volume as it stands in the manifest: in base64. Only the coding is mended here.
for volume in $(podman volume ls --quiet | grep -E "$VOLUMES"); do
    folder_of_volume=$(podman volume inspect --format '{{.Mountpoint}}' "$volume")
    [[ $volume == *-keys-* ]] && grep -q -- '-----BEGIN' "$folder_of_volume/services.pub.pem" && continue
    [[ $volume == *-database-* ]] && grep -qxFf "$folder_of_volume/password" "$secrets"/database/* && continue
    for file in "$folder_of_volume"/*; do
        base64 --decode "$file" >"$file.decoded"
        mv "$file.decoded" "$file"
    done
done
if ! check "the pods start: each migrates its database, then serves" started; then
    told
    conclude
    exit 1
fi
for service in inventory-service:$INVENTORY:8001 pricing-service:$PRICING:8002 api-gateway:$GATEWAY:8000; do
    IFS=: read -r name host port <<<"$service"
    check "$name is ready" eventually 60 curl --silent --fail --max-time 2 "http://$host:$port/health/ready" || told
done
check "the tour: orders, a replay, a decline, a cancellation, and the books balance" \
    podman run --rm --network "$NETWORK" --volume "$secrets/keys:/var/lib/hello-dd/.hello-dd/keys:ro" \
    hello-dd/hello-dd:0.1.0 demo --brief --url "http://$GATEWAY:8000" || true
conclude
