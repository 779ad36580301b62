import Basics
import Database
import InventoryAPI
import NIOCore
import Resilience

/// The whole ledger, or a product's, as a text: oldest entry first, as books are read, up to the newest entry that was there when it began.
///
/// It is read page by page when a piece of it is asked for, so that memory is bounded by a page, a slow reader slows nothing else down, and
/// no transaction and no connection is held between two pages; a reader that goes away is one that asks no more. Since entries never
/// change, the pages are of one piece all the same: see `Store.movements(of:after:upTo:limit:)` for what is promised about entries that are
/// written meanwhile.
struct LedgerExport: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    /// Entries a page: about 100 KB of text.
    static let pageSize = 500

    private let store: Store
    private let product: Identifier?
    private let newest: Int64
    private let first: [StockMovement]
    private let format: LedgerFormat
    private let pageTimeout: Duration

    /// Reads the first page, so that what can be refused is refused before an answer begins.
    /// - Parameter pageTimeout: how long each further page may take to be read.
    init(_ store: Store, of product: Identifier?, as format: LedgerFormat, pageTimeout: Duration) async throws {
        self.store = store
        self.product = product
        self.format = format
        self.pageTimeout = pageTimeout
        newest = try await store.newestMovement(of: product)
        first = try await store.movements(of: product, after: 0, upTo: newest, limit: Self.pageSize)
    }

    func makeAsyncIterator() -> Iterator { Iterator(export: self) }

    struct Iterator: AsyncIteratorProtocol {
        private let export: LedgerExport
        /// The sequence that the last page ended with; nil before the first page.
        private var last: Int64?
        private var isDone = false

        fileprivate init(export: LedgerExport) { self.export = export }

        mutating func next() async throws -> ByteBuffer? {
            guard !isDone else { return nil }
            var bytes = ByteBuffer()
            let page: [StockMovement]
            if let last {
                let export = export
                page = try await Deadline.with(.after(export.pageTimeout)) {
                    try await export.store.movements(of: export.product, after: last, upTo: export.newest, limit: LedgerExport.pageSize)
                }
            } else {
                page = export.first
                export.format.writeHeader(to: &bytes)
            }
            for entry in page { export.format.write(entry, to: &bytes) }
            last = page.last?.sequence
            isDone = page.count < LedgerExport.pageSize
            return bytes.readableBytes > 0 ? bytes : nil
        }
    }
}
