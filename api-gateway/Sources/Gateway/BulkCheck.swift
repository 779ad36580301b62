import Basics
import HTTPPath
import HTTPTypes
import InventoryAPI
import NIOCore
import PricingAPI

/// Whether many products are there in the quantities wanted, and what they cost.
///
/// The lines are looked up in chunks, a few of them at the same time, and answered in their order; each as soon as those before it are.
struct BulkCheck: Sendable {
    /// One product, in a quantity.
    struct Line: Sendable {
        let reference: String
        let quantity: Int64
    }

    /// The answer to some lines.
    struct Chunk: Sendable {
        /// One JSON object for each line.
        let lines: [ByteBuffer]
        let isDegraded: Bool
    }

    /// A batch at inventory and at pricing takes 200; fifty answer soon enough for a stream to begin early.
    static let chunk = 50
    /// Chunks looked up at once, so that one request fills no pool.
    static let width = 4
    /// Looks at the stock of single products at once, of one chunk.
    private static let looks = 8
    static let mostLines = 1000

    let views: ProductViews
    let lines: [Line]
    let currency: Currency?

    var chunkCount: Int { (lines.count + Self.chunk - 1) / Self.chunk }

    /// Looks up all chunks from `first` on and hands each to `body`, in order.
    func forEachChunk(from first: Int = 0, _ body: (Chunk) async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: (Int, Chunk).self) { group in
            var (started, next) = (first, first)
            var early: [Int: Chunk] = [:]
            func start() {
                guard started < chunkCount else { return }
                let index = started
                started += 1
                group.addTask { (index, try await chunk(index)) }
            }
            for _ in 0..<Self.width { start() }
            while let (index, chunk) = try await group.next() {
                early[index] = chunk
                while let ready = early.removeValue(forKey: next) {
                    try await body(ready)
                    next += 1
                    // Only now: chunks that nobody took yet are bounded too.
                    start()
                }
            }
        }
    }

    func chunk(_ index: Int) async throws -> Chunk {
        let some = Array(lines[(index * Self.chunk)..<min(lines.count, (index + 1) * Self.chunk)])
        let references = some.map(\.reference)
        async let found = products(references)
        async let priced = views.prices(references, currency: currency)
        let products = try await found
        let stock = try await stock(Set(references.compactMap { products[$0]?["id"]?.string }).sorted())
        let (prices, isDegraded) = try await priced
        return Chunk(
            lines: some.map { line in
                let product = products[line.reference]
                let id = product?["id"]?.string
                return answer(line, product, id.flatMap { stock[$0] }, id.flatMap { prices[$0] }, isDegraded)
            }, isDegraded: isDegraded)
    }

    private func answer(_ line: Line, _ product: JSON?, _ available: Int64?, _ price: JSON?, _ isDegraded: Bool) -> ByteBuffer {
        let last = isDegraded ? product?["id"]?.string.flatMap { views.lastPrices.find($0, currency: currency) } : nil
        return JSONWriter.object { json in
            json.field("productId", line.reference)
            json.field("quantity", line.quantity)
            json.field("status", available.map { $0 >= line.quantity ? "available" : "short" } ?? "unknown")
            json.field("available", available)
            json.field("product", product)
            if let last { json.field("price", spliced: last.bytes) } else { json.field("price", price) }
            json.field("priceAgeSeconds", last?.age.wholeSeconds)
        }
    }

    /// By every reference that was asked for.
    private func products(_ references: [String]) async throws -> [String: JSON] {
        var request = UpstreamRequest(
            .post, InventoryPaths.batchGet, template: InventoryPaths.batchGet,
            body: JSONWriter.object { $0.field("ids", Array(Set(references)).sorted()) })
        request.isRead = true
        let (_, answer) = try await views.inventory.send(request).json(from: views.inventory)
        var found: [String: JSON] = [:]
        for product in answer["items"]?.array ?? [] {
            for name in ["id", "sku"] { if let key = product[name]?.string { found[key] = product } }
        }
        return found
    }

    /// What is available, by product id.
    private func stock(_ ids: [String]) async throws -> [String: Int64] {
        try await withThrowingTaskGroup(of: (String, Int64?).self) { group in
            var rest = ids[...]
            func start() {
                guard let id = rest.popFirst() else { return }
                group.addTask {
                    let answer = try await views.inventory.send(
                        UpstreamRequest(.get, InventoryPaths.stock(id), template: InventoryPaths.Template.stock))
                    // Deleted in between.
                    if answer.status == 404 { return (id, nil) }
                    return (id, try answer.json(from: views.inventory).1["available"]?.integer)
                }
            }
            for _ in 0..<Self.looks { start() }
            var available: [String: Int64] = [:]
            while let (id, pieces) = try await group.next() {
                available[id] = pieces
                start()
            }
            return available
        }
    }
}
