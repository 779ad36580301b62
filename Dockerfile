# One image per service, from one build:
#
#   docker build --target inventory-service -t hello-dd/inventory-service .
#
# Targets: inventory-service, pricing-service, api-gateway, console, hello-dd. Written for BuildKit and for the builder before it, for amd64 and
# arm64; `make test-containers` says what of that was seen. `make images` builds all five.

# ---------------------------------------------------------------------------------------------------------------------------------------
FROM swift:6.3-bookworm AS manifest
WORKDIR /src
COPY Package.swift Package.resolve[d] ./
COPY scripts/docker-build.sh scripts/
RUN scripts/docker-build.sh manifest

# ---------------------------------------------------------------------------------------------------------------------------------------
FROM swift:6.3-bookworm AS build

# hadolint ignore=DL3008 # Debian replaces a version when it mends it, so a pinned one is gone the week after
RUN apt-get update \
    && apt-get install -y --no-install-recommends g++ libpq-dev libsqlite3-dev pkg-config xz-utils zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /src

# The dependencies, in a layer of their own: compiled again when one of them changes, and not when a source or a target does.
COPY scripts/docker-build.sh scripts/
COPY --from=manifest /manifest ./
RUN scripts/docker-build.sh dependencies

COPY Package.swift Package.resolve[d] ./
COPY platform platform
COPY observability/Sources observability/Sources
COPY inventory-service inventory-service
COPY pricing-service pricing-service
COPY api-gateway api-gateway
COPY console console
COPY hello-dd hello-dd
RUN scripts/docker-build.sh products

# ---------------------------------------------------------------------------------------------------------------------------------------
FROM debian:bookworm-slim AS runtime

# libpq and SQLite are Debian's, so that their security updates need no compiler; jemalloc is 9 to 19 % more requests a second.
# hadolint ignore=DL3008 # as above
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libjemalloc2 libpq5 libsqlite3-0 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/hello-dd

# A container's border is its network: inside it, a service listens on every address. Data and keys are made here only where nothing
# else is configured; with PostgreSQL and mounted keys nothing is written, and the root file system can be read-only.
ENV HTTP_HOST=0.0.0.0 \
    DATA_DIR=/var/lib/hello-dd \
    KEYS_DIR=/var/lib/hello-dd/keys \
    LOG_FORMAT=json \
    LD_PRELOAD=libjemalloc.so.2

# A number, because a cluster that forbids root can tell only from a number that this is none.
USER 10001:10001
WORKDIR /var/lib/hello-dd
STOPSIGNAL SIGTERM

# ---------------------------------------------------------------------------------------------------------------------------------------
FROM runtime AS inventory-service
COPY --from=build /out/inventory-service /usr/local/bin/inventory-service
EXPOSE 8001
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 CMD ["/usr/local/bin/inventory-service", "health"]
ENTRYPOINT ["/usr/local/bin/inventory-service"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="inventory-service" \
      org.opencontainers.image.description="hello-dd: products, stock, reservations" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# ---------------------------------------------------------------------------------------------------------------------------------------
FROM runtime AS pricing-service
COPY --from=build /out/pricing-service /usr/local/bin/pricing-service
EXPOSE 8002
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 CMD ["/usr/local/bin/pricing-service", "health"]
ENTRYPOINT ["/usr/local/bin/pricing-service"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="pricing-service" \
      org.opencontainers.image.description="hello-dd: prices, discounts, taxes, quotes" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# ---------------------------------------------------------------------------------------------------------------------------------------
FROM runtime AS api-gateway
COPY --from=build /out/api-gateway /usr/local/bin/api-gateway
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 CMD ["/usr/local/bin/api-gateway", "health"]
ENTRYPOINT ["/usr/local/bin/api-gateway"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="api-gateway" \
      org.opencontainers.image.description="hello-dd: the one address for users: reads, orders, payments" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# ---------------------------------------------------------------------------------------------------------------------------------------
# Receives the services' traces and shows them. Its page asks nobody who they are: publish it on loopback only.
FROM runtime AS console
COPY --from=build /out/console /usr/local/bin/console
EXPOSE 8090 4318
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 CMD ["/usr/local/bin/console", "health"]
ENTRYPOINT ["/usr/local/bin/console"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="console" \
      org.opencontainers.image.description="hello-dd: traces of the shop, received and shown" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# ---------------------------------------------------------------------------------------------------------------------------------------
# The command line: for the tour, for load, for tokens. It ends when it is done, so it has no health.
FROM runtime AS hello-dd
COPY --from=build /out/hello-dd /usr/local/bin/hello-dd
ENTRYPOINT ["/usr/local/bin/hello-dd"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="hello-dd" \
      org.opencontainers.image.description="hello-dd: the command line of the shop" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
