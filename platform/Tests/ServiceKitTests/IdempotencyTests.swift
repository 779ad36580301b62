import Basics
import Database
import HTTPPath
import HTTPTypes
import Hummingbird
import NIOCore
import ServiceKit
import TestKit
import Testing

@Suite("Idempotency")
struct IdempotencyTests {
    private let body: JSON = ["label": "books", "grams": 900, "size": "small"]
    private let key: HTTPFields = [.idempotencyKey: "k-1"]
    /// One of each engine, with rows that can be counted.
    private static let stores: [TestStore] = [.files, .postgres]

    @Test("the first answer is given again, and the effect happens once", arguments: stores)
    func replay(_ store: TestStore) async throws {
        try await withService(ParcelService().definition, store: store) { service in
            let first = try await service.client.post("/api/v1/parcels", json: body, as: .operator, headers: key).expect(201)
            let second = try await service.client.post("/api/v1/parcels", json: body, as: .operator, headers: key).expect(201)
            #expect(first.header("Idempotency-Replayed") == nil)
            #expect(second.header("Idempotency-Replayed") == "true")
            #expect(first.body == second.body)
            for name in ["Location", "ETag", "Content-Type"] { #expect(first.header(name) == second.header(name) && first.header(name) != nil) }
            #expect(try await service.rowCount("parcels") == 1)
        }
    }

    @Test("another spelling of the same path is the same request", arguments: stores, ["/api/v1/parcels/", "/api/v1//parcels", "//api/v1/parcels"])
    func spellings(_ store: TestStore, _ path: String) async throws {
        try await withService(ParcelService().definition, store: store) { service in
            try await service.client.post("/api/v1/parcels", json: body, as: .operator, headers: key).expect(201)
            let again = try await service.client.post(path, json: body, as: .operator, headers: key).expect(201)
            #expect(again.header("Idempotency-Replayed") == "true")
            #expect(try await service.rowCount("parcels") == 1)
        }
    }

    @Test("the same key with another body is refused", arguments: stores)
    func otherBody(_ store: TestStore) async throws {
        try await withService(ParcelService().definition, store: store) { service in
            try await service.client.post("/api/v1/parcels", json: body, as: .operator, headers: key).expect(201)
            let other = try await service.client.post("/api/v1/parcels", json: body.with("grams", 901), as: .operator, headers: key)
            expectProblem(other, 422, "idempotency_key_reused", pointer: "Idempotency-Key")
            #expect(try await service.rowCount("parcels") == 1)
        }
    }

    @Test("keys of different subjects have nothing to do with each other", arguments: stores)
    func subjects(_ store: TestStore) async throws {
        try await withService(ParcelService().definition, store: store) { service in
            for name in ["olivia", "otto"] {
                let exchange = try await service.client.post("/api/v1/parcels", json: body, as: .operatorNamed(name), headers: key).expect(201)
                #expect(exchange.header("Idempotency-Replayed") == nil)
            }
            #expect(try await service.rowCount("parcels") == 2)
        }
    }

    @Test("50 calls at once with one key have one effect and one answer; who comes too early may ask again", arguments: stores)
    func concurrent(_ store: TestStore) async throws {
        try await withService(ParcelService().definition, store: store) { service in
            let exchanges = try await withThrowingTaskGroup(of: Exchange.self) { group in
                for _ in 0..<50 {
                    group.addTask { try await service.client.post("/api/v1/parcels", json: self.body, as: .operator, headers: self.key) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let (answered, early) = (exchanges.filter { $0.status == 201 }, exchanges.filter { $0.status != 201 })
            #expect(Set(answered.map(\.text)).count == 1)
            #expect(answered.count { $0.header("Idempotency-Replayed") == nil } == 1)
            // Writers on SQLite wait for one another, so none is early there.
            if store == .files { #expect(early.isEmpty) }
            for exchange in early {
                expectProblem(exchange, 409, "request_in_progress", pointer: "Idempotency-Key")
                #expect(exchange.header("Retry-After") == "1")
                let again = try await service.client.post("/api/v1/parcels", json: self.body, as: .operator, headers: self.key).expect(201)
                #expect(again.text == answered.first?.text)
            }
            #expect(try await service.rowCount("parcels") == 1)
            #expect(try await service.rowCount("idempotency_keys") == 1)
        }
    }

    @Test("while the first is being worked on, the second is told to come back, and holds nothing up")
    func inProgress() async throws {
        let gate = Gate()
        try await withService(Self.gated(by: gate), store: .postgres) { service in
            async let first = service.client.post("/api/v1/gated", json: ["n": 1], as: .operator, headers: key)
            await gate.arrivals(1)
            let second = try await service.client.post("/api/v1/gated", json: ["n": 1], as: .operator, headers: key)
            expectProblem(second, 409, "request_in_progress", pointer: "Idempotency-Key")
            #expect(second.header("Retry-After") == "1")
            gate.open()
            let answered = try await first.expect(201)
            #expect(answered.header("Idempotency-Replayed") == nil)
            let third = try await service.client.post("/api/v1/gated", json: ["n": 1], as: .operator, headers: key).expect(201)
            #expect(third.header("Idempotency-Replayed") == "true")
            #expect(third.text == answered.text)
        }
    }

    /// A service whose effect waits for a gate.
    private static func gated(by gate: Gate) -> ServiceDefinition {
        ServiceDefinition(name: "parcel-service", port: 8099) { boot in
            let database = try await openDatabase(boot, defaultFile: "gated.sqlite")
            try await migrate(database, [Migration(version: 1, name: "keys", sqlite: Idempotency.migration, postgres: Idempotency.postgresMigration)])
            let routes = Routes(access: Routes.standardAccess.merging(["POST /api/v1/gated": .operator]) { $1 })
            routes.on("POST /api/v1/gated") { request, context in
                let body = try await request.bytes(context)
                return try await Idempotency.run(
                    request, context, route: "POST /api/v1/gated", body: body, database: database, now: boot.sources.now()
                ) { _ in
                    try await gate.pass()
                    return Idempotency.Answer(status: 201, body: JSONWriter.bytes(boot.sources.makeID().description))
                }
            }
            let keys = LocalKeys(folder: try boot.settings(ServiceSettings.keysDirectory))
            return try ServiceParts(
                routes: routes, boot: boot, openAPI: Array("{}".utf8),
                authorizer: try await Authorizer(
                    jwks: keys.jwks(.users), issuer: try boot.settings(ServiceSettings.issuer), audience: boot.service, roles: [.operator],
                    sources: boot.sources),
                close: { await database.shutdown() })
        }
    }

    @Test("keys older than a day are swept, a bounded number at a time", arguments: StoreEngine.allCases)
    func sweep(engine: StoreEngine) async throws {
        let database = try await engine.open()
        try await migrate(database, [Migration(version: 1, name: "keys", sqlite: Idempotency.migration, postgres: Idempotency.postgresMigration)])
        let now = Timestamp(microseconds: 1_768_467_600_000_000)
        for age in [0, 1, 25, 26, 27] as [Int64] {
            try await database.execute(
                """
                INSERT INTO idempotency_keys (subject, route, key, body_sha256, status, body, created_at)
                VALUES ('s', 'r', \("k-\(age)"), 'h', 201, '{}', \(now - .seconds(age * 3600)))
                """)
        }
        #expect(try await Idempotency.sweep(database, now: now, limit: 2) == 2)
        #expect(try await Idempotency.sweep(database, now: now, limit: 2) == 1)
        #expect(try await Idempotency.sweep(database, now: now, limit: 2) == 0)
        let left = try await database.query("SELECT key FROM idempotency_keys ORDER BY key").map { try $0.decode("key", as: String.self) }
        #expect(left == ["k-0", "k-1"])
    }

    @Test("what fails stores nothing, so that the key may be used again", arguments: stores)
    func rollback(_ store: TestStore) async throws {
        try await withService(ParcelService().definition, store: store) { service in
            let exploded = try await service.client.post("/api/v1/parcels", json: body.with("label", "explode"), as: .operator, headers: key)
            expectProblem(exploded, 500, "internal_error")
            expectProblem(
                try await service.client.post("/api/v1/parcels", json: body.with("grams", 0), as: .operator, headers: key), 422, "invalid_body")
            #expect(try await service.rowCount("parcels") == 0)
            #expect(try await service.rowCount("idempotency_keys") == 0)
            try await service.client.post("/api/v1/parcels", json: body, as: .operator, headers: key).expect(201)
        }
    }

    @Test("a key is kept for 24 hours", arguments: stores)
    func expiry(_ store: TestStore) async throws {
        let clock = ManualClock()
        try await withService(ParcelService().definition, sources: clock.sources, store: store) { service in
            try await service.client.post("/api/v1/parcels", json: body, as: .operator, headers: key).expect(201)
            clock.advance(by: .seconds(24 * 3600 - 1))
            #expect(
                try await service.client.post("/api/v1/parcels", json: body, as: .operator, headers: key).header("Idempotency-Replayed") == "true")
            clock.advance(by: .seconds(2))
            #expect(try await service.client.post("/api/v1/parcels", json: body, as: .operator, headers: key).header("Idempotency-Replayed") == nil)
            #expect(try await service.rowCount("parcels") == 2)
        }
    }

    @Test(
        "a key is 1 to 255 visible ASCII characters",
        arguments: [
            ("x", true), (String(repeating: "k", count: 255), true), (String(repeating: "k", count: 256), false), ("a b", false), ("é", false),
        ])
    func form(_ key: String, _ isGood: Bool) async throws {
        try await withService(ParcelService().definition) { service in
            let exchange = try await service.client.post("/api/v1/parcels", json: body, as: .operator, headers: [.idempotencyKey: key])
            if isGood { exchange.expect(201) } else { expectProblem(exchange, 400, "invalid_parameter", pointer: "Idempotency-Key") }
        }
    }
}
