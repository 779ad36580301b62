import Basics
import Database
import InventoryAPI
import NIOCore

/// Many products in one pass: rows come as a stream, and are written in batches, each a transaction of its own. Memory is bounded by a
/// batch, whatever the length of the stream. A stream that breaks off leaves whole batches behind; sent again, it does no harm.
struct ProductImport: Sendable {
    /// Rows a transaction: enough that its commit does not matter, few enough that no request waits long behind it.
    static let batchRows = 500
    /// Bytes of the stream after which a batch is written even if it has fewer rows, so that long rows do not pile up.
    static let batchBytes = 1 << 20

    let database: any Database
    let sources: Sources
    let actor: String
    /// Count, and write nothing. Each batch is compared with the catalogue as it is, so a SKU that comes again in a later batch counts as
    /// created twice.
    let dryRun: Bool

    /// - Throws: `Refusal` where a CSV file does not begin with its columns' names; nothing is written then.
    func run<Body: AsyncSequence>(_ format: ImportReader.Format, _ body: Body) async throws -> ImportReport where Body.Element == ByteBuffer {
        var reader = ImportReader(format)
        var report = ImportReport(dryRun: dryRun)
        var batch: [ImportRow] = []
        var bytes = 0
        for try await buffer in body {
            bytes += buffer.readableBytes
            Self.sort(try reader.consume(buffer.readableBytesView), &batch, &report)
            while batch.count >= Self.batchRows || bytes >= Self.batchBytes {
                try await write(Array(batch.prefix(Self.batchRows)), &report)
                batch.removeFirst(min(Self.batchRows, batch.count))
                bytes = 0
            }
        }
        Self.sort(try reader.finish(), &batch, &report)
        for rest in batch.chunks(of: Self.batchRows) { try await write(Array(rest), &report) }
        return report
    }

    private static func sort(_ items: [ImportItem], _ batch: inout [ImportRow], _ report: inout ImportReport) {
        for item in items {
            switch item {
            case .row(let row): batch.append(row)
            case .rejected(let errors):
                report.rejected += 1
                report.errors += errors.prefix(ImportReport.mostErrors - report.errors.count)
            }
        }
    }

    private func write(_ rows: [ImportRow], _ report: inout ImportReport) async throws {
        guard !rows.isEmpty else { return }
        let now = sources.now()
        let plan = dryRun ? try await plan(rows, Store(database), at: now) : try await written(rows, at: now)
        report.created += plan.created.count
        report.updated += plan.updatedRows
        report.unchanged += plan.unchangedRows
    }

    /// Begins again where somebody else has created one of the products between the look and the write: products stay, so each time there
    /// are fewer that this could happen with.
    private func written(_ rows: [ImportRow], at now: Timestamp) async throws -> ImportPlan {
        while true {
            let plan: ImportPlan? = try await overtaken {
                try await database.withTransaction { transaction in
                    let store = Store(transaction)
                    let plan = try await self.plan(rows, store, at: now)
                    let inserted = try await store.insert(plan.created.map(\.product), stock: plan.created.map(\.stock))
                    guard inserted.count == plan.created.count else { throw Overtaken() }
                    try await store.append(plan.receipts)
                    for product in plan.updated { try await store.update(product) }
                    return plan
                }
            }
            if let plan { return plan }
        }
    }

    private struct Overtaken: Error {}

    /// nil where the transaction was given up for somebody else's.
    private func overtaken<T>(_ body: () async throws -> T) async throws -> T? {
        do {
            return try await body()
        } catch is Overtaken {
            return nil
        }
    }

    private func plan(_ rows: [ImportRow], _ store: Store, at now: Timestamp) async throws -> ImportPlan {
        let known = try await store.known(rows.map(\.sku), toChange: !dryRun)
        return ImportPlan(rows, known: known, actor: actor, at: now, makeID: sources.makeID)
    }
}

/// What a batch of rows makes of the products that are known: the rows in their order, each on what those before it left.
struct ImportPlan: Sendable {
    private(set) var created: [(product: Product, stock: Int64)] = []
    private(set) var receipts: [Store.NewMovement] = []
    /// With their new version.
    private(set) var updated: [Product] = []
    private(set) var updatedRows = 0
    private(set) var unchangedRows = 0

    init(_ rows: [ImportRow], known: [Store.KnownProduct], actor: String, at now: Timestamp, makeID: () -> Identifier) {
        var products = Dictionary(known.map { ($0.product.sku, $0.product) }, uniquingKeysWith: { first, _ in first })
        var archived = Set(known.filter(\.isArchived).map(\.product.sku))
        var createdIndex: [String: Int] = [:]
        var changed: Set<String> = []
        for row in rows {
            guard let before = products[row.sku] else {
                let product = row.product(id: makeID(), at: now)
                products[row.sku] = product
                createdIndex[row.sku] = created.count
                created.append((product, row.stock ?? 0))
                if let receipt = row.initialReceipt(of: product.id, actor: actor, at: now) { receipts.append(receipt) }
                continue
            }
            var after = before
            row.apply(to: &after)
            // To be back is a change, whatever the row says besides.
            guard archived.remove(row.sku) != nil || after != before else {
                unchangedRows += 1
                continue
            }
            updatedRows += 1
            after.version += 1
            after.updatedAt = now
            products[row.sku] = after
            if let index = createdIndex[row.sku] { created[index].product = after } else { changed.insert(row.sku) }
        }
        updated = changed.sorted().compactMap { products[$0] }
    }
}
