import Basics
import Database
import InventoryService
import LocalServers

/// The data that every contender works on: 10,000 products of which there are more pieces than can be asked for.
struct Warehouse: Sendable {
    static let products = 10_000

    /// The ids that `pgbench` can compute too.
    static func product(_ number: Int) -> Identifier { Identifier(high: 0x0000_0000_0000_7000, low: 0x8000_0000_0000_0000 | UInt64(number)) }

    static func product(for workload: Workload, _ random: inout Random) -> Identifier {
        product(workload == .hot ? 1 : 1 + Int(random.next() % UInt64(products)))
    }

    /// Random as PostgreSQL's own are, so that nobody's index is better ordered.
    static func newID(_ random: inout Random) -> Identifier {
        Identifier(high: random.next() & ~0xF000 | 0x4000, low: random.next() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000)
    }

    let server: LocalPostgres
    let database: PostgresDatabase
    var url: String { server.url(database: "inventory") }

    /// Starts a server with everything on that a commit needs to outlive a crash.
    init(connections: Int) async throws {
        server = try await LocalPostgres.start(
            LocalPostgres.Options(durable: true, settings: ["shared_buffers": "512MB", "max_wal_size": "8GB"]))
        let admin = try PostgresDatabase(url: server.adminURL)
        try await admin.executeScript("CREATE DATABASE inventory")
        await admin.shutdown()
        var options = PostgresDatabase.Options()
        options.connections = connections
        database = try PostgresDatabase(url: server.url(database: "inventory"), options: options)
        try await database.warmUp()
        try await InventoryUseCases.prepare(database, .system)
        try await database.executeScript(
            """
            INSERT INTO products (id, sku, name, description, category, attributes, reorder_point, version, created_at, updated_at)
            SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, 'SKU-' || i, 'Product ' || i, 'What it is good for.', 'things',
                '{"colour":"blue"}', 0, 1, now(), now()
            FROM generate_series(1, \(Self.products)) i;
            INSERT INTO stock (product_id, on_hand, reserved) SELECT id, 1000000000, 0 FROM products;
            INSERT INTO stock_movements (product_id, kind, quantity, actor, at) SELECT id, 'receipt', 1000000000, 'bench', now() FROM products;
            """)
        try await database.executeScript("VACUUM ANALYZE")
    }

    /// What a run left to be written is written before the next one begins.
    func settle() async throws { try await database.executeScript("CHECKPOINT") }

    /// - Returns: how many reservations were made.
    func check() async throws -> Int {
        let wrong = try await database.query(
            """
            SELECT s.product_id FROM stock s
            LEFT JOIN (SELECT product_id, sum(quantity) AS n FROM stock_movements WHERE kind = 'reserve' GROUP BY 1) m USING (product_id)
            LEFT JOIN (SELECT product_id, sum(quantity) AS n FROM reservation_lines GROUP BY 1) l USING (product_id)
            WHERE s.reserved <> coalesce(m.n, 0) OR s.reserved <> coalesce(l.n, 0)
            """)
        guard wrong.isEmpty else { throw BenchError("the books do not balance for \(wrong.count) products") }
        return try await database.query("SELECT count(*) FROM reservations")[0].decode(0)
    }

    func remove() async {
        await database.shutdown()
        await server.stop()
    }
}
