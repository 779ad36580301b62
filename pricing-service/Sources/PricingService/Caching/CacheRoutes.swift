import Basics
import Caching
import HTTPPath
import Hummingbird
import PricingAPI
import ServiceKit

/// What an operator sees of the cache, and does to it.
struct CacheRoutes: Sendable {
    let cache: PriceCache

    func add(to routes: Routes) {
        routes.on("GET /api/v1/cache/stats", stats)
        routes.on("POST /api/v1/cache/invalidate", invalidate)
    }

    private func stats(_ request: Request, _ context: ServiceContext) async throws -> Response {
        try request.noQuery()
        return .json(CacheReport(name: PriceCache.name, statistics: cache.statistics, policy: cache.policy, stalenessBound: cache.stalenessBound))
    }

    private func invalidate(_ request: Request, _ context: ServiceContext) async throws -> Response {
        try request.noQuery()
        let products = try await request.json(context) { fields -> [ProductReference]? in
            let products = fields.has("products") ? fields.products("products", 1...PriceBatch.most) : nil
            let all = fields.optionalBool("all") ?? false
            if all == (products != nil) { fields.report("all", "either true, or products are named") }
            return products
        }
        let isTold = if let products { try await cache.forget(products) } else { await cache.forgetAll() }
        return .json(
            bytes: JSONWriter.object {
                $0.field("invalidated", products?.count)
                $0.field("replicasTold", isTold)
            })
    }
}

/// `GET /cache/stats`: this replica's, since it was started.
private struct CacheReport: JSONWritable {
    let name: String
    let statistics: CacheStatistics
    let policy: CachePolicy
    let stalenessBound: Duration?

    func write(to json: inout JSONWriter) {
        let answers = statistics.memory + statistics.remote + statistics.source + statistics.stale + statistics.failed
        json.object {
            $0.field("name", name)
            $0.field("hitRatio", answers == 0 ? nil : Double(statistics.memory + statistics.remote) / Double(answers))
            $0.field(
                "answers",
                object: {
                    $0.field("memory", statistics.memory)
                    $0.field("remote", statistics.remote)
                    $0.field("source", statistics.source)
                    $0.field("stale", statistics.stale)
                    $0.field("failed", statistics.failed)
                })
            $0.field("loads", statistics.loads)
            $0.field("loadFailures", statistics.loadFailures)
            $0.field("refreshes", statistics.refreshes)
            $0.field("outdated", statistics.outdated)
            $0.field("evictions", statistics.evictions)
            $0.field(
                "invalidations",
                object: {
                    $0.field("own", statistics.invalidations)
                    $0.field("heard", statistics.invalidationsHeard)
                    $0.field("owed", statistics.invalidationsOwed)
                })
            $0.field(
                "memory",
                object: {
                    $0.field("entries", statistics.entries)
                    $0.field("bytes", statistics.bytes)
                    $0.field("capacityBytes", statistics.capacityBytes)
                })
            if let stalenessBound {
                $0.field(
                    "shared",
                    object: {
                        $0.field("hears", statistics.hears)
                        $0.field("failures", statistics.remoteFailures)
                        $0.field("stalenessBoundSeconds", stalenessBound.inSeconds)
                    })
            }
            $0.field("lifetimeSeconds", policy.lifetime.inSeconds)
        }
    }
}

extension Response {
    /// A kept price, or 304 where the reader has it.
    static func json(_ kept: EncodedPrice, unless preconditions: Preconditions) -> Response {
        if preconditions.isCurrent(kept.price.etag) { return Response(status: .notModified, headers: [.eTag: kept.price.etag]) }
        return .json(bytes: kept.body, headers: [.eTag: kept.price.etag])
    }

    /// A `PriceBatch` of kept prices.
    static func json(_ kept: [EncodedPrice?], missing: [ProductReference]) -> Response {
        .json(
            bytes: JSONWriter.object {
                $0.field("items", array: { items in for case let price? in kept { items.raw(price.body) } })
                $0.field("missing", missing.map(\.description))
            })
    }
}
