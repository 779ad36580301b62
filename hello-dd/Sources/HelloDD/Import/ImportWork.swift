internal import HTTPPath
internal import HTTPTypes
internal import InventoryAPI
internal import Synchronization

/// Carries an import out: the file to inventory in one pass, then its prices to pricing.
struct ImportWork: Sendable {
    let file: String
    let format: Import.Format
    let dryRun: Bool
    let setsPrices: Bool
    let terminal: Terminal

    func run(_ shop: Shop) async throws -> ImportOutcome {
        let prices = SharedPriceList(format)
        let reads = setsPrices
        let body = try FileBody(path: file) { piece in if reads { prices.append(piece) } }
        defer { body.closeFile() }
        let began = ContinuousClock.now
        do {
            var outcome = ImportOutcome(products: try await send(body, to: shop), productsTook: .zero)
            outcome.productsTook = .now - began
            if setsPrices { try await setPrices(prices.finished(), in: shop, &outcome) }
            await clear()
            return outcome
        } catch {
            await clear()
            throw error
        }
    }

    private func send(_ body: FileBody, to shop: Shop) async throws -> ImportReport {
        let began = ContinuousClock.now
        let reply = try await showing { [terminal] in
            ImportView.progress(body.progress.count, of: body.size, after: .now - began, style: terminal.style)
        } during: {
            // A thousand errors of 500 characters, and some.
            try await shop.stream(
                .post, InventoryPaths.import + (dryRun ? "?dryRun=true" : ""), as: .operator, headers: [.contentType: format.mediaType], body: body,
                maxAnswerBytes: 4 << 20)
        }
        guard reply.isSuccess else { throw CommandFailure(reply.problem.text) }
        return try Problem.reading(reply.body, strict: false, ImportReport.init)
    }

    private func setPrices(_ list: PriceList, in shop: Shop, _ outcome: inout ImportOutcome) async throws {
        guard !list.rows.isEmpty || list.rejected > 0 else { return }
        let began = ContinuousClock.now
        var report = PriceSetting.Report()
        if !dryRun {
            let done = Counter()
            // A row that inventory refused is bad as a whole.
            let refused = Set(outcome.products.errors.map(\.line))
            let rows = list.rows.filter { !refused.contains($0.line) }
            report = try await showing { [terminal] in
                ImportView.priceProgress(done.value, of: rows.count, after: .now - began, style: terminal.style)
            } during: {
                try await PriceSetting(shop: shop).run(rows) { done.set($0) }
            }
        }
        report.rejected += list.rejected
        report.errors = Array((report.errors + list.errors).sorted { $0.line < $1.line }.prefix(ImportReport.mostErrors))
        outcome.prices = report
        outcome.pricesTook = .now - began
        outcome.omittedPrices = list.omitted
    }

    /// Runs `work`, and draws a line that tells how far it is ten times a second.
    private func showing<T: Sendable>(
        _ line: @escaping @Sendable () -> String, during work: @escaping @Sendable () async throws -> T
    ) async throws -> T {
        try await withThrowingTaskGroup(of: T?.self) { group in
            group.addTask { try await work() }
            group.addTask { [terminal] in
                while !Task.isCancelled {
                    terminal.live([line()])
                    try? await Task.sleep(for: .milliseconds(100))
                }
                return nil
            }
            defer { group.cancelAll() }
            while let result = try await group.next() { if let result { return result } }
            throw CancellationError()
        }
    }

    private func clear() async {
        terminal.live([])
        await terminal.finish()
    }
}

/// A price list that is filled on the thread that reads the file.
private final class SharedPriceList: Sendable {
    private let list: Mutex<PriceList>

    init(_ format: Import.Format) { list = Mutex(PriceList(format)) }

    func append(_ bytes: ArraySlice<UInt8>) { list.withLock { $0.append(bytes) } }

    func finished() -> PriceList {
        list.withLock { list in
            list.finish()
            return list
        }
    }
}

private final class Counter: Sendable {
    private let count = Atomic(0)
    var value: Int { count.load(ordering: .relaxed) }
    func set(_ value: Int) { count.store(value, ordering: .relaxed) }
}
