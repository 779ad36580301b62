internal import Basics
internal import HTTPPath
internal import HTTPTypes
internal import NIOCore
internal import Synchronization
internal import UnixSignals

/// Sends visitors to the shop on schedule: an open loop, so a slow shop is not asked less.
struct LoadRun: Sendable {
    let plan: LoadPlan
    let shop: Shop
    /// SKUs to look at and to buy.
    let products: [String]
    /// So many people buy; each has orders of their own.
    private static let shoppers: UInt64 = 50

    /// The first page of the catalogue: what visitors choose from.
    static func products(of shop: Shop) async throws -> [String] {
        let reply = try await shop.send(.get, "/api/v1/products?limit=200")
        guard reply.isSuccess else { throw CommandFailure(reply.problem.text) }
        let products = (reply.json?["items"]?.array ?? []).compactMap { ($0["product"] ?? $0)["sku"]?.string }
        guard !products.isEmpty else { throw CommandFailure("the catalogue is empty; `hello-dd import FILE` fills it") }
        return products
    }

    /// Runs the plan to its end, or until Ctrl-C; visitors under way are waited for.
    /// - Parameter report: called a few times a second with what was met so far.
    func run(endingOnSignal: Bool = true, _ report: @escaping @Sendable (LoadResult) -> Void = { _ in }) async -> LoadResult {
        let shared = SharedResult(plan)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    try? await Task.sleep(for: .milliseconds(250))
                    report(shared.value)
                }
            }
            if endingOnSignal {
                group.addTask {
                    for await _ in await UnixSignalsSequence(trapping: .sigint, .sigterm) {
                        shared.endEarly()
                        break
                    }
                }
            }
            await sendAll(shared)
            group.cancelAll()
        }
        return shared.value
    }

    private func sendAll(_ shared: SharedResult) async {
        let clock = ContinuousClock()
        let start = clock.now
        await withDiscardingTaskGroup { group in
            for index in 0..<plan.count {
                let due = start + plan.due(index)
                if clock.now < due { try? await clock.sleep(until: due, tolerance: .zero) }
                guard shared.start(index, late: clock.now - due, elapsed: clock.now - start) else { break }
                guard shared.hasRoom() else { continue }
                group.addTask {
                    await visit(index, due: due, shared)
                    shared.finish()
                }
            }
            // The last one's second belongs to the time in which they were offered.
            shared.offered(in: clock.now - start)
        }
    }

    // MARK: One visitor

    private func visit(_ index: Int, due: ContinuousClock.Instant, _ shared: SharedResult) async {
        let (journey, number) = plan.choices(index)
        let product = products[Int(number % UInt64(products.count))]
        let counts = index >= plan.warmUpCount
        func step(_ name: String, since begun: ContinuousClock.Instant, _ request: () async throws -> Shop.Reply) async -> Bool {
            let status = await answer(shared, request)
            if counts { shared.record(.init(journey: journey, name: name), status, .now - begun) }
            return StepResult.outcome(status) == .succeeded
        }
        switch journey {
        case .browse:
            guard await step("catalogue", since: due, { try await shop.send(.get, "/api/v1/products?limit=20") }) else { return }
            _ = await step("product", since: .now) { try await shop.send(.get, "/api/v1/products/\(product.percentEncoded)") }
        case .buy:
            guard await step("product", since: due, { try await shop.send(.get, "/api/v1/products/\(product.percentEncoded)") }) else { return }
            let key = Sources.system.makeID().description
            let body = OrderBody.json([OrderLine(product: product, quantity: 1)], codes: [], currency: "USD", region: "US-CA", card: "card_approve")
            let caller = Shop.Caller.shopper("load-\(number % Self.shoppers)")
            _ = await step("order", since: .now) {
                try await shop.send(.post, "/api/v1/orders", as: caller, headers: [.idempotencyKey: key], body: body)
            }
        }
    }

    /// The status; 0 where there was no answer.
    private func answer(_ shared: SharedResult, _ request: () async throws -> Shop.Reply) async -> Int {
        var status = 0
        for attempt in 0...plan.retries {
            if attempt > 0 {
                shared.retry()
                try? await Task.sleep(for: .milliseconds(50 << Int64(attempt - 1)))
            }
            status = (try? await request().status) ?? 0
            guard [0, 429, 503].contains(status) else { break }
        }
        return status
    }
}

/// What the visitors have met so far.
private final class SharedResult: Sendable {
    private let result: Mutex<LoadResult>

    init(_ plan: LoadPlan) { result = Mutex(LoadResult(plan: plan)) }

    var value: LoadResult { result.withLock { $0 } }

    /// False: no more are to be sent.
    func start(_ index: Int, late: Duration, elapsed: Duration) -> Bool {
        result.withLock { result in
            if result.isEndedEarly { return false }
            result.lateness = max(result.lateness, late)
            result.elapsed = elapsed
            return true
        }
    }

    func hasRoom() -> Bool {
        result.withLock { result in
            guard result.started - result.finished < result.plan.maxInFlight else {
                result.leftOut += 1
                return false
            }
            result.started += 1
            return true
        }
    }

    func finish() { result.withLock { $0.finished += 1 } }
    func retry() { result.withLock { $0.retried += 1 } }
    func endEarly() { result.withLock { $0.isEndedEarly = true } }

    func offered(in elapsed: Duration) {
        result.withLock { result in
            let planned = result.plan.warmUp + result.plan.duration
            result.elapsed = result.isEndedEarly ? elapsed : max(elapsed, planned)
        }
    }

    func record(_ step: LoadResult.Step, _ status: Int, _ time: Duration) {
        result.withLock { $0.steps[step, default: StepResult()].record(status, time) }
    }
}
