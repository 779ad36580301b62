import LocalServers

/// The peer: PostgreSQL's own load generator, one statement and one commit for each reservation, which writes the same rows as the service.
///
/// It gets the benefit of every doubt: one statement instead of five, prepared, without a look at whether the reservation is known, and the
/// SKU made up instead of read.
struct PgBench: Contender {
    let warehouse: Warehouse
    let clients: Int
    let folder: String
    var name: String { "pgbench -M prepared -c\(clients)" }

    private static let product = "('00000000-0000-7000-8000-' || lpad(to_hex(:p::int), 12, '0'))::uuid"

    private static func script(_ workload: Workload) -> String {
        let choice = workload == .hot ? "\\set p 1" : "\\set p random(1, \(Warehouse.products))"
        switch workload {
        case .read:
            return """
                \(choice)
                SELECT id, sku, name, description, category, attributes, reorder_point, version, created_at, updated_at FROM products
                WHERE id = \(product) AND archived_at IS NULL;
                """
        case .reserve, .hot:
            return """
                \(choice)
                WITH moved AS (
                    UPDATE stock SET reserved = reserved + 1 WHERE product_id = \(product) AND on_hand - reserved >= 1 RETURNING product_id),
                held AS (
                    INSERT INTO reservations (id, state, order_id, expires_in, expires_at, created_at, updated_at)
                    SELECT gen_random_uuid(), 'held', gen_random_uuid(), 900, now() + interval '900 seconds', now(), now() FROM moved RETURNING id),
                line AS (
                    INSERT INTO reservation_lines (reservation_id, line, product_id, sku, quantity)
                    SELECT held.id, 0, moved.product_id, 'SKU-' || :p::int, 1 FROM held, moved)
                INSERT INTO stock_movements (product_id, kind, quantity, reservation_id, actor, at)
                SELECT moved.product_id, 'reserve', 1, held.id, 'bench', now() FROM held, moved;
                """
        }
    }

    func run(_ workload: Workload, seconds: Int) async throws -> Measurement {
        guard let program = warehouse.server.binaries.program("pgbench") else {
            throw BenchError("pgbench is not installed: it comes with the server (Debian: postgresql)")
        }
        let script = "\(folder)/\(workload).sql"
        try write(Self.script(workload), to: script)
        let child = try Child(
            [program, "-n", "-M", "prepared", "-c", "\(clients)", "-j", "2", "-T", "\(seconds)", "-f", script, warehouse.url],
            environment: ["LC_ALL": "C"], output: "\(folder)/pgbench.log")
        let code = try await child.end()
        let text = child.text
        func figure(_ prefix: String) -> Double? {
            text.split(separator: "\n").first { $0.hasPrefix(prefix) }.flatMap { Double($0.dropFirst(prefix.count).prefix { $0 != " " }) }
        }
        guard code == 0, let rate = figure("tps = "), let latency = figure("latency average = ") else {
            throw BenchError("pgbench failed (\(code)):\n\(text)")
        }
        return Measurement(rate: rate, median: latency)
    }
}
