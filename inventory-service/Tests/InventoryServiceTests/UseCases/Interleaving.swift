import Basics
import Database
import HTTPPath
import InventoryAPI
import NIOCore
import TestKit

@testable import InventoryService

/// Two calls that come at the same moment, and what there is before: the products and the reservation they meet at.
struct Interleaving: Sendable {
    /// What is there before.
    enum Scene: String, CaseIterable, Sendable {
        /// Two products with ten pieces each, and an id that nobody used.
        case fresh
        /// The reservation is held, or held and overdue, or sold.
        case held, due, sold
        /// The second product is archived.
        case archived
        /// There are no products.
        case empty
    }

    /// A call, on the two products and the reservation of the scene.
    enum Operation: String, CaseIterable, Sendable {
        case reserve, reserveOther, reserveBackwards, confirm, release, restock, sweep
        case takeAway, archive, create, change, importBoth, importBackwards

        static func among(_ scene: Scene) -> [Operation] {
            switch scene {
            case .fresh: [.reserve, .reserveOther, .reserveBackwards, .confirm, .release, .restock, .takeAway, .archive, .change, .importBoth]
            case .held: [.reserve, .reserveOther, .reserveBackwards, .confirm, .release, .restock, .sweep, .takeAway]
            case .due: [.reserve, .reserveBackwards, .confirm, .release, .restock, .sweep]
            case .sold: [.reserve, .confirm, .release, .restock, .archive]
            case .archived: [.reserve, .takeAway, .create, .archive, .importBoth, .importBackwards]
            case .empty: [.reserve, .create, .importBoth, .importBackwards]
            }
        }
    }

    /// Whether calls on reservations go through a batch.
    var isBatching = false
    let scene: Scene
    let warehouse: Warehouse
    let skus: [String]
    let id: Identifier

    static func holdSeconds(_ scene: Scene) -> Int64 { scene == .due ? 1 : 86_400 }

    /// Sets a scene, with names that no other scene of the same warehouse has.
    init(_ scene: Scene, _ warehouse: Warehouse, number: Int) async throws {
        self.scene = scene
        self.warehouse = warehouse
        skus = ["A\(number)-1", "A\(number)-2"]
        id = warehouse.newID()
        guard scene != .empty else { return }
        for sku in skus { try await warehouse.add(sku, stock: 10) }
        switch scene {
        case .fresh, .empty: break
        case .held, .due, .sold:
            guard case .done = try await perform(.reserve, on: warehouse.database) else { throw TestKitError("the scene could not be set") }
            if scene == .sold { _ = try await perform(.confirm, on: warehouse.database) }
            if scene == .due { warehouse.clock.advance(by: .seconds(2)) }
        case .archived: try await warehouse.catalogue.archive(.sku(skus[1]), versions: nil)
        }
    }

    func batching(_ isBatching: Bool) -> Interleaving {
        var copy = self
        copy.isBatching = isBatching
        return copy
    }

    enum Answer: Hashable, CustomStringConvertible {
        case done(String)
        case refused(String)
        case failed(String)

        var description: String {
            switch self {
            case .done(let text): text
            case .refused(let code): "refused: \(code)"
            case .failed(let error): "failed: \(error)"
            }
        }
    }

    /// What a call answers, without anything that differs from one scene to the next. Errors that no caller should see are thrown.
    func perform(_ operation: Operation, on database: any Database) async throws -> Answer {
        do {
            return .done(try await run(operation, database))
        } catch let refusal as Refusal {
            return .refused(refusal.code.description)
        } catch is InvalidInput {
            return .refused("invalid")
        }
    }

    private func run(_ operation: Operation, _ database: any Database) async throws -> String {
        let sources = warehouse.sources
        let batches = isBatching ? ReservationBatches(database: database, sources: sources, size: 64) : nil
        let reservations = Reservations(database: database, sources: sources, batches: batches)
        let catalogue = Catalogue(database: database, sources: sources)
        let (first, second) = (skus[0], skus[1])
        func reserve(_ id: Identifier, _ lines: [(String, Int64)]) async throws -> String {
            let request = ReservationRequest(
                orderID: Identifier(high: 7, low: 7), lines: lines.map { ReservationLine(product: $0.0, quantity: $0.1) },
                expiresIn: Self.holdSeconds(scene))
            let (reservation, isNew) = try await reservations.reserve(id, request, actor: "alice")
            return "\(reservation.state) \(isNew)"
        }
        func importRows(_ skus: [String]) async throws -> String {
            let text = "sku,name,category,stock\n" + skus.map { "\($0),Imported,desk,10\n" }.joined()
            let body = AsyncStream<ByteBuffer> { continuation in
                continuation.yield(ByteBuffer(string: text))
                continuation.finish()
            }
            let report = try await ProductImport(database: database, sources: sources, actor: "olivia", dryRun: false).run(.csv, body)
            return "\(report.created) \(report.updated) \(report.unchanged)"
        }
        switch operation {
        case .reserve: return try await reserve(id, [(first, 6), (second, 6)])
        case .reserveOther: return try await reserve(id, [(second, 1)])
        case .reserveBackwards: return try await reserve(Identifier(high: id.high, low: ~id.low), [(second, 6), (first, 1)])
        case .confirm: return try await reservations.call(.confirm, id, actor: "alice").state.rawValue
        case .release: return try await reservations.call(.release, id, actor: "alice").state.rawValue
        case .restock: return try await reservations.call(.restock, id, actor: "alice").state.rawValue
        case .sweep: return "\(try await reservations.expireDue())"
        case .takeAway:
            let stockroom = Stockroom(database: database, sources: sources)
            let adjustment = StockAdjustment(delta: -5, reason: .damage)
            let stock = try await database.withTransaction { try await stockroom.adjust(.sku(second), adjustment, actor: "olivia", in: $0) }
            return "\(stock.onHand) \(stock.reserved)"
        case .archive:
            try await catalogue.archive(.sku(second), versions: nil)
            return "archived"
        case .create:
            let draft = ProductDraft(sku: second, name: "Created", category: "desk")
            return "\(try await database.withTransaction { try await catalogue.create(draft, in: $0) }.version)"
        case .change: return "\(try await catalogue.change(.sku(second), versions: nil) { $0.name = "Changed" }.version)"
        case .importBoth: return try await importRows(skus)
        case .importBackwards: return try await importRows(skus.reversed())
        }
    }

    /// Everything that is stored of this scene, without ids and sequences.
    func outcome() async throws -> [String] {
        let database = warehouse.database
        let products = try await database.query(
            """
            SELECT p.sku, p.name, p.version, p.archived_at, s.on_hand, s.reserved FROM products p JOIN stock s ON s.product_id = p.id
            WHERE p.sku IN \(list: skus) ORDER BY p.sku
            """
        ).map { row in
            let number: Int = try row.decode("sku", as: String.self) == skus[0] ? 1 : 2
            return """
                product \(number): \(try row.decode("name", as: String.self).replacing(skus[number - 1], with: "SKU")) \(try row.decode("version", as: Int.self)) \
                \(try row.decode("archived_at", as: Timestamp?.self) == nil ? "live" : "archived") \
                \(try row.decode("on_hand", as: Int.self)) \(try row.decode("reserved", as: Int.self))
                """
        }
        let movements = try await database.query(
            """
            SELECT p.sku, m.kind, m.quantity FROM stock_movements m JOIN products p ON p.id = m.product_id WHERE p.sku IN \(list: skus)
            ORDER BY p.sku, m.sequence
            """
        ).map { row in
            let number: Int = try row.decode("sku", as: String.self) == skus[0] ? 1 : 2
            return "entry of \(number): \(try row.decode("kind", as: String.self)) \(try row.decode("quantity", as: Int.self))"
        }
        let reservations = try await database.query(
            "SELECT id, state FROM reservations WHERE id IN \(list: [id, Identifier(high: id.high, low: ~id.low)])"
        ).map { row in
            "reservation \(try row.decode("id", as: Identifier.self) == id ? 1 : 2): \(try row.decode("state", as: String.self))"
        }
        return products + movements + reservations.sorted()
    }
}
