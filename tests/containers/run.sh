#!/usr/bin/env bash
# The shop in real containers: every image builds, the compose file comes up on PostgreSQL, the tour passes, replicas can be stopped and
# started under load without a failed request, and every container ends by itself when it is told to. `make test-containers`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/containers/steps.sh
source tests/containers/steps.sh

usage() {
    cat <<'TEXT'
usage: tests/containers/run.sh [--no-build]

Needs a Docker engine that has or can pull the base images of the Dockerfile and of docker-compose.yml, Compose (v2 or 1.29), and, for the
Deployments' pods, podman. Uses the Compose project "hello-dd-test" and removes it afterwards.

  --no-build   with the images that are there
TEXT
}

# Visitors a second while replicas come and go, and for how long.
readonly RATE=${RATE:-20}
readonly LOAD_SECONDS=${LOAD_SECONDS:-120}
# What an image may weigh beyond its base, in MB.
readonly MOST_MEGABYTES=60

readonly TARGETS=(inventory-service pricing-service api-gateway console hello-dd)
readonly SERVICES=(inventory-service pricing-service api-gateway)
export COMPOSE_PROJECT_NAME=hello-dd-test
# Any free port, so that nothing that runs here is in the way, and so that a service can have two replicas.
export INVENTORY_PORT=0 PRICING_PORT=0 GATEWAY_PORT=0 POSTGRES_PORT=0 REDIS_PORT=0

build=true
case "${1:-}" in
    "") ;;
    --no-build) build=false ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
esac

if ! command -v docker >/dev/null || ! docker info >/dev/null 2>&1; then
    echo "container tests: no Docker engine answers" >&2
    exit 1
fi
compose() {
    if docker compose version >/dev/null 2>&1; then
        docker compose --profile full --profile dev-tools "$@"
    else
        docker-compose --profile full --profile dev-tools "$@"
    fi
}

folder=$(mktemp -d)
export SECRETS=$folder/secrets
clean_up() {
    compose down --volumes --timeout 20 >/dev/null 2>&1 || true
    rm -rf "$folder"
}
trap clean_up EXIT

containers() { compose ps -q "$@"; }
container_state() { docker inspect --format "$2" "$1"; }
healthy() { [ "$(container_state "$1" '{{.State.Health.Status}}')" = healthy ]; }
# ended CONTAINER NAME: with 0, and by itself.
ended() {
    local code
    code=$(container_state "$1" '{{.State.ExitCode}}')
    if [ "$code" = 0 ] && [ "$(container_state "$1" '{{.State.OOMKilled}}')" = false ]; then ok "$2 ended by itself, with 0"; else not_ok "$2 ended with $code"; fi
}
name() { container_state "$1" '{{.Name}}' | sed 's|^/||'; }

# --- images -----------------------------------------------------------------------------------------------------------------------------

megabytes() { echo $(($(docker image inspect --format '{{.Size}}' "$1") / 1000000)); }

build_images() {
    local target own
    for target in "${TARGETS[@]}"; do
        if $build; then
            docker build --target "$target" --tag "hello-dd/$target:0.1.0" . >"$folder/build.log" 2>&1 ||
                { not_ok "$target builds; the last lines:"; tail -n 30 "$folder/build.log"; return 1; }
        fi
        own=$(($(megabytes "hello-dd/$target:0.1.0") - $(megabytes debian:bookworm-slim)))
        if [ "$own" -le "$MOST_MEGABYTES" ]; then ok "$target: $own MB over the base"; else not_ok "$target: $own MB over the base, more than $MOST_MEGABYTES"; fi
        if [ "$(docker image inspect --format '{{.Config.User}}' "hello-dd/$target:0.1.0")" != 10001:10001 ]; then not_ok "$target runs as another user"; fi
    done
}

say "images, for $(docker version --format '{{.Server.Arch}}')"
build_images || { conclude; exit 1; }
# Without settings, on SQLite, and with nothing to write to but its data.
check "a service's migration runs with no setting at all" docker run --rm --read-only --tmpfs /var/lib/hello-dd:uid=10001,gid=10001,mode=700 \
    hello-dd/inventory-service:0.1.0 migrate || true
# The first process of a container ignores a signal that it has no handler for.
id=$(docker run --detach --env DB_HOST=nowhere.invalid --env DB_PASSWORD=none hello-dd/inventory-service:0.1.0)
says() { docker logs "$1" 2>&1 | grep -qF "$2"; }
check "a service waits for its database" eventually 30 says "$id" "the database is not there yet" || true
docker stop --time 20 "$id" >/dev/null
ended "$id" "a service that waits for its database"
docker rm "$id" >/dev/null

say "the compose file"
for program in "docker compose" docker-compose; do
    # shellcheck disable=SC2086 # two words are two words
    if $program version >/dev/null 2>&1; then
        for profile in inventory pricing full load dev-tools; do
            check "$program $($program version --short) loads profile $profile" $program --profile "$profile" config --quiet || true
        done
    fi
done

# --- compose ----------------------------------------------------------------------------------------------------------------------------

say "compose, with two replicas of inventory-service and of api-gateway"
scripts/secrets.sh "$SECRETS" >/dev/null
compose up -d --no-build --scale inventory-service=2 --scale api-gateway=2 "${SERVICES[@]}" redis >"$folder/up.log" 2>&1 || { not_ok "it comes up"; tail -n 20 "$folder/up.log"; }
for id in $(containers); do check "$(name "$id") is healthy" eventually 120 healthy "$id" || docker logs --tail 20 "$id"; done
# From the start of the process to its listening; the milliseconds include the database's answers to its migrations.
for service in "${SERVICES[@]}"; do
    id=$(containers "$service" | head -n 1)
    begun=$(date -d "$(container_state "$id" '{{.State.StartedAt}}')" +%s%3N)
    ready=$(docker logs --timestamps "$id" 2>&1 | grep -m 1 '"ready"' | cut -d' ' -f1 || true)
    if [ -n "$ready" ]; then ok "$service: ready $(($(date -d "$ready" +%s%3N) - begun)) ms after its start"; else not_ok "$service: never said that it is ready"; fi
done
role() { # ROLE DATABASE: whether the role, with its password, can look into the database
    docker exec -e "PGPASSWORD=$(cat "$SECRETS/database/$1")" "$(containers postgres)" psql -q -h "$(containers postgres | cut -c1-12)" -U "$1" -d "$2" -c 'SELECT 1'
}
for name in inventory pricing orders; do check "role $name reaches its own database" role "$name" "$name" || true; done
if role inventory pricing >/dev/null 2>&1; then not_ok "role inventory reaches another's database"; else ok "role inventory does not reach another's database"; fi

say "the tour"
check "hello-dd demo" compose run --rm -T hello-dd demo --brief --url http://api-gateway:8000 || true

# --- replicas come and go -----------------------------------------------------------------------------------------------------------------

say "each replica of inventory-service, then of api-gateway, is stopped and started under $RATE visitors a second"
compose run --rm -T hello-dd load --url http://api-gateway:8000 --rate "$RATE" --duration "${LOAD_SECONDS}s" --objective errors=0 --json \
    >"$folder/load.json" 2>"$folder/load.log" &
load=$!
since=$(date +%s)
sleep 5
replicas="$(containers inventory-service) $(containers api-gateway)"
for id in $replicas; do
    docker stop --time 20 "$id" >/dev/null
    ended "$id" "$(name "$id")"
    docker start "$id" >/dev/null
    check "$(name "$id") is healthy again" eventually 60 healthy "$id" || true
    # Its turn ends when the gateway has had time to find it again.
    sleep 3
done
if kill -0 "$load" 2>/dev/null; then ok "visitors came all the while"; else not_ok "the load ended before the last replica was back"; fi
if wait "$load"; then ok "no request failed"; else not_ok "requests failed, or there was no load"; tail -n 20 "$folder/load.log"; fi
cat "$folder/load.json"
# Stopping one that nobody calls would prove nothing.
for id in $replicas; do
    served=$(docker logs --since "$since" "$id" 2>&1 | grep -c '"http.route":"/api/' || true)
    if [ "$served" -ge 100 ]; then ok "$(name "$id") answered $served requests of them"; else not_ok "$(name "$id") answered only $served requests"; fi
done

say "memory after it"
# shellcheck disable=SC2046 # a word a container
docker stats --no-stream --format '  {{.Name}}: {{.MemUsage}}' $(containers)

# --- the end --------------------------------------------------------------------------------------------------------------------------------

say "SIGTERM"
all=$(containers)
started=$SECONDS
compose stop >/dev/null 2>&1
for id in $all; do ended "$id" "$(name "$id")"; done
echo "  all of it in $((SECONDS - started)) s"
compose down --volumes >/dev/null 2>&1

# --- the Deployments' pods ------------------------------------------------------------------------------------------------------------------

if command -v podman >/dev/null; then
    check "the Deployments' pods serve an order" tests/containers/play.sh || true
else
    echo "  skipped: the Deployments' pods, because podman is not on the PATH"
fi
conclude
