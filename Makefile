# hello-dd: everything a person or a machine does here has a target; `make` alone lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# debug compiles fastest, so the first order comes soonest; CONFIGURATION=release for speed at run time.
CONFIGURATION ?= debug
SWIFT ?= swift
# Arguments passed on to hello-dd, e.g. make up ARGS="--ephemeral --gateway-port 9000"
ARGS ?=
# Which benchmark `make bench` runs: a folder of benchmarks/
BENCH ?=

BIN := .build/$(CONFIGURATION)
SERVICES := inventory-service pricing-service api-gateway console
HELLO_DD := $(BIN)/hello-dd
PYTHON := .venv/bin/python

# Compiles only what the product needs (no tests); swift prints its progress.
build = echo "==> building $(1) ($(CONFIGURATION))" && $(SWIFT) build -c $(CONFIGURATION) --product $(1)
need_binary = @test -x $(HELLO_DD) || { echo "hello-dd is not built yet: run 'make up' first" >&2; exit 1; }

.PHONY: help
help: ## List these targets
	@echo "hello-dd: a small shop of three services. Start with: make up"
	@echo
	@awk 'BEGIN { FS = ":.*## " } /^[a-z][a-z-]*:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "Variables: CONFIGURATION=debug|release (now: $(CONFIGURATION)), ARGS='…' passed on to hello-dd"

.PHONY: setup
setup: ## Install what running needs (system libraries); quick when nothing is missing
	@scripts/setup.sh

.PHONY: build
build: setup ## Compile the services, the console and the command line
	@for product in $(SERVICES) hello-dd; do $(call build,$$product); done

.PHONY: up
up: build ## Build, then run the shop in the foreground (Ctrl-C stops it)
	@exec $(HELLO_DD) up $(ARGS)

.PHONY: down
down: ## Stop a shop that runs in the background (started with: make up ARGS=--detach)
	$(need_binary)
	@$(HELLO_DD) down $(ARGS)

.PHONY: status
status: ## Show which services run, where, and whether they are ready
	$(need_binary)
	@$(HELLO_DD) status $(ARGS)

.PHONY: logs
logs: ## Show the services' logs
	$(need_binary)
	@$(HELLO_DD) logs $(ARGS)

.PHONY: health
health: ## Ask each service how it is, and what it depends on
	$(need_binary)
	@$(HELLO_DD) health $(ARGS)

.PHONY: psql
psql: ## Open psql on the running shop's database (ARGS=pricing or ARGS=orders for another than inventory's)
	$(need_binary)
	@exec $(HELLO_DD) psql $(ARGS)

.PHONY: demo
demo: ## Take the README's tour: browse, quote, order, decline, cancel; fails on the first surprise
	$(need_binary)
	@$(HELLO_DD) demo $(ARGS)

.PHONY: run-inventory
run-inventory: setup ## Run inventory-service alone on port 8001
	@$(call build,inventory-service)
	@exec env SEED_CATALOGUE="$${SEED_CATALOGUE:-true}" $(BIN)/inventory-service

.PHONY: run-pricing
run-pricing: setup ## Run pricing-service alone on port 8002
	@$(call build,pricing-service)
	@exec env SEED_CATALOGUE="$${SEED_CATALOGUE:-true}" $(BIN)/pricing-service

.PHONY: run-gateway
run-gateway: setup ## Run api-gateway alone on port 8000
	@$(call build,api-gateway)
	@exec $(BIN)/api-gateway

.PHONY: run-console
run-console: setup ## Run the console alone: its page on port 8090, OTLP on port 4318
	@$(call build,console)
	@exec $(BIN)/console

.PHONY: trace
trace: ## Show the latest trace as a waterfall (ARGS="--order ID", ARGS=ID, ARGS=--errors)
	$(need_binary)
	@$(HELLO_DD) trace $(if $(ARGS),$(ARGS),--last)

.PHONY: test
test: ## Everything CI runs: lint, all tests, the OpenAPI exchanges, the scripts' own tests
	@scripts/test.sh

.PHONY: test-inventory
test-inventory: setup ## Run inventory-service's tests
	@$(SWIFT) test --filter '^InventoryServiceTests\.'

# How many random walks `make test-model` takes; SEED=n takes that one only, as a failure says.
SEEDS ?= 40
SEED ?=
SIMULATION_SEEDS ?= 250

.PHONY: test-model
test-model: setup ## Reservations against their model on both engines: tens of thousands of random calls (SEEDS=40, or SEED=7 to replay)
	@MODEL_SEEDS="$(SEEDS)" MODEL_SEED="$(SEED)" $(SWIFT) test --filter '^InventoryServiceTests\.ReservationModelTests'

.PHONY: test-simulation
test-simulation: setup ## Breakers, retries and limits in virtual time, over thousands of schedules (SIMULATION_SEEDS=250, or SEED=7 to replay one)
	@SIMULATION_SEEDS="$(SIMULATION_SEEDS)" SIMULATION_SEED="$(SEED)" $(SWIFT) test --filter '^SimulationTests\.'

# How long each of these runs takes, seconds.
RUN_SECONDS ?= 12

.PHONY: resilience-runs
resilience-runs: setup ## The gateway before a slow, dead, flapping, half bad, halved and returning service, and overloaded: real processes, a table
	@RESILIENCE_RUN_SECONDS="$(RUN_SECONDS)" $(SWIFT) test --filter '^SystemTests\.ResilienceRunTests'
	@RESILIENCE_RUN_SECONDS="$(RUN_SECONDS)" $(SWIFT) test --skip-build --filter '^SystemTests\.OverloadTests'

.PHONY: test-tsan
test-tsan: setup ## Run the database's tests under the thread sanitizer (compiles them anew, in .build/tsan: minutes, the first time)
	@SWIFT="$(SWIFT)" scripts/test-tsan.sh

# How many queries `make soak-database` sends.
QUERIES ?= 100000

.PHONY: soak-database
soak-database: setup ## Send 100,000 queries, a third broken off, and check that no descriptor and no memory is left behind (QUERIES=100000)
	@$(SWIFT) run -c $(CONFIGURATION) DatabaseSoak $(QUERIES)

.PHONY: test-pricing
test-pricing: setup ## Run pricing-service's tests
	@$(SWIFT) test --filter '^PricingServiceTests\.'

.PHONY: test-console
test-console: setup ## Run the console's tests
	@$(SWIFT) test --filter '^ConsoleServiceTests\.'

.PHONY: test-gateway
test-gateway: setup ## Run the gateway's tests: routes, orders, payments
	@$(SWIFT) test --filter '^(GatewayTests|OrdersTests|PaymentsTests)\.'

.PHONY: test-containers
test-containers: ## Build every image, run the shop in containers, stop replicas under load; needs a Docker engine and some 15 minutes
	@tests/containers/run.sh

# How many requests `make test-schemathesis` generates for an operation and phase, at most; SEED=n replays a run.
EXAMPLES ?= 130

.PHONY: test-schemathesis
test-schemathesis: build ## Send the running shop 20,000 requests and more that are made from the three OpenAPI documents (EXAMPLES=130, SEED=n)
	@scripts/setup.sh --test
	@$(PYTHON) tests/schemathesis/run.py --bin $(BIN) --examples $(EXAMPLES) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: images
images: ## Build the five images: inventory-service, pricing-service, api-gateway, console, hello-dd
	@scripts/compose.sh images

.PHONY: compose
compose: ## Run the shop in containers, on PostgreSQL: builds, starts, waits, takes the tour
	@scripts/compose.sh up

.PHONY: compose-down
compose-down: ## Stop those containers (ARGS=--volumes removes the databases too)
	@scripts/compose.sh down $(ARGS)

.PHONY: kind
kind: ## Run the shop in a Kubernetes cluster on this machine (needs docker, kind and kubectl)
	@scripts/kind-up.sh
	@scripts/deploy-full-system.sh

.PHONY: kind-down
kind-down: ## Remove that cluster
	@scripts/kind-down.sh

.PHONY: test-infrastructure
test-infrastructure: ## Check the AWS program without AWS: types, rules, the eks overlay, the databases, a restore
	@scripts/setup.sh --test
	@scripts/test-infrastructure.sh

# Which stack the targets aws-… mean: dev, staging or prod.
STACK ?= dev

.PHONY: aws-preview
aws-preview: ## Say what would be made on AWS (STACK=dev); needs pulumi and credentials, changes nothing
	@scripts/aws.sh preview $(STACK)

.PHONY: aws-up
aws-up: ## Make the shop on AWS and order something there (STACK=dev); says what it costs, and asks
	@scripts/aws.sh up $(STACK)

.PHONY: aws-down
aws-down: ## Remove it, and all its data (STACK=dev); asks
	@scripts/aws.sh down $(STACK)

.PHONY: aws-local
aws-local: ## The same against a stand-in for AWS on this machine; needs pulumi, and no account
	@scripts/aws-local.sh

.PHONY: rehearse-restore
rehearse-restore: build ## Lose the database, put its copy into another server, add up the ledger, and go on
	@CONFIGURATION=$(CONFIGURATION) scripts/rehearse-restore.sh

.PHONY: lint
lint: ## Check format and style of the Swift and shell sources and the Dockerfile
	@scripts/lint.sh

.PHONY: format
format: ## Rewrite the Swift sources in the house's format
	@scripts/lint.sh --fix

.PHONY: openapi
openapi: ## Render each openapi.yaml into the JSON its service embeds
	@scripts/setup.sh --test
	@$(PYTHON) scripts/render-openapi.py

.PHONY: bench
bench: ## Measure against peers on this machine: BENCH=inventory (without it, list what there is)
	@scripts/bench.sh "$(BENCH)" $(ARGS)

.PHONY: footprint
footprint: ## Measure start-up time and memory of each service (CONFIGURATION=release for the figures that count)
	@scripts/setup.sh
	@for product in $(SERVICES); do $(call build,$$product); done
	@python3 scripts/footprint.py --bin $(BIN) $(ARGS)

.PHONY: clean
clean: ## Remove what was built and installed here; the shop's data in .hello-dd stays
	@rm -rf .build .venv
