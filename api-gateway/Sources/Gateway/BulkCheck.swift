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
        async let found = ask(InventoryPaths.batchGet, references)
        async let counted = ask(InventoryPaths.stockBatchGet, references)
        async let priced = views.prices(references, currency: currency)
        var (products, stock): ([String: JSON], [String: Int64]) = ([:], [:])
        for product in try await found {
            for name in ["id", "sku"] { if let key = product[name]?.string { products[key] = product } }
        }
        for item in try await counted { if let id = item["productId"]?.string { stock[id] = item["available"]?.integer } }
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

    /// The items of a batch at inventory.
    private func ask(_ path: String, _ references: [String]) async throws -> [JSON] {
        var request = UpstreamRequest(.post, path, template: path, body: JSONWriter.object { $0.field("ids", Array(Set(references)).sorted()) })
        request.isRead = true
        return try await views.inventory.send(request).json(from: views.inventory).1["items"]?.array ?? []
    }
}
