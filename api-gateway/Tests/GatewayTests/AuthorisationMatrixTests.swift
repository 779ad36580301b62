import HTTPPath
import HTTPTypes
import ServiceKit
import TestKit
import Testing

@testable import Gateway
@testable import InventoryService
@testable import PricingService

/// Every registered route of every service × every kind of caller: as the one access table of the service says, and as its OpenAPI
/// document says.
@Suite("authorisation matrix")
struct AuthorisationMatrixTests {
    enum Caller: Hashable {
        case nobody
        case flawed(TokenForge.Flaw)
        case shopper, otherShopper, `operator`, service

        static let all: [Caller] = [.nobody] + TokenForge.Flaw.allCases.map { .flawed($0) } + [.shopper, .otherShopper, .operator, .service]

        /// As whom a service takes this caller; nil: its token does not hold there.
        func role(at service: Side) -> Identity.Role? {
            switch self {
            case .nobody: .anonymous
            case .flawed: nil
            case .shopper, .otherShopper: service == .front ? .shopper : nil
            case .operator: service == .front ? .operator : nil
            case .service: service == .front ? nil : .service
            }
        }
    }

    /// The gateway knows people and no services; behind it, it is the other way round.
    enum Side { case front, back }

    /// Whether the caller's own things are asked for, so that other shoppers must not find them.
    private static let ownThings: Set<RouteKey> = ["GET /api/v1/orders/{id}", "POST /api/v1/orders/{id}/cancel"]

    private static func token(_ caller: Caller, for service: RunningService, _ side: Side) async throws -> String? {
        let keys = LocalKeys(folder: service.keysFolder)
        func people(_ subject: String, _ role: Identity.Role) -> TokenForge {
            TokenForge(keys: keys, pair: .users, issuer: "hello-dd-local", audience: service.name, subject: subject, role: role)
        }
        let gateway = TokenForge(keys: keys, pair: .services, issuer: "api-gateway", audience: service.name, subject: "api-gateway", role: .service)
        switch caller {
        case .nobody: return nil
        // But for its flaw it would open every door.
        case .flawed(let flaw): return try await (side == .front ? people("olivia", .operator) : gateway).token(flaw)
        case .shopper: return try await people("ann", .shopper).token()
        case .otherShopper: return try await people("mallory", .shopper).token()
        case .operator: return try await people("olivia", .operator).token()
        case .service: return try await gateway.token()
        }
    }

    @Test("each cell is answered as the service's one table and its document say")
    func matrix() async throws {
        try await withShop(settings: ["ORDER_PATIENCE_SECONDS": "30"]) { shop in
            let placed = try await shop.client.post(
                "/api/v1/orders", json: OrderRoutesTests.body(), as: .shopper("ann"), headers: [.idempotencyKey: "matrix"]
            ).expect(201)
            let order = try #require(placed.json["id"]?.string)
            var cells = 0
            for (service, table, side) in [
                (shop.gateway, access, Side.front), (shop.inventory, Routes.standardAccess.merging(InventoryApp.access) { $1 }, .back),
                (shop.pricing, Routes.standardAccess.merging(PricingApp.access) { $1 }, .back),
            ] {
                #expect(Set(service.routes.map(\.key)) == Set(table.keys), "\(service.name) registers what its table names")
                let document = try await service.client.get("/openapi.json").expect(200).json
                for caller in Caller.all {
                    let token = try await Self.token(caller, for: service, side)
                    for key in table.keys.sorted() {
                        let answer = try await service.client.send(
                            key.method.rawValue, Self.path(key, order: order), as: token.map { .raw($0) } ?? .anonymous)
                        check(answer, key, caller, allowed: table[key] ?? [], side, document)
                        cells += 1
                    }
                }
            }
            let routes = access.count + 2 * Routes.standardAccess.count + InventoryApp.access.count + PricingApp.access.count
            #expect(Caller.all.count == 12)
            #expect(cells == routes * 12)
            print("authorisation matrix: \(routes) routes × \(Caller.all.count) callers = \(cells) cells")
        }
    }

    private func check(
        _ answer: Exchange, _ key: RouteKey, _ caller: Caller, allowed: Access, _ side: Side, _ document: JSON
    ) {
        let cell: Comment = "\(key) by \(caller)"
        let documented = document["paths"]?[key.path]?[key.method.rawValue.lowercased()]?["responses"]?[String(answer.status)] != nil
        #expect(documented, "\(cell): \(answer.status) is not in the document")
        guard let role = caller.role(at: side) else {
            expectProblem(answer, 401, "unauthenticated", pointer: "Authorization")
            #expect(answer.header("WWW-Authenticate") == "Bearer", cell)
            return
        }
        guard allowed.contains(role) else {
            if role == .anonymous {
                expectProblem(answer, 401, "unauthenticated", pointer: "Authorization")
            } else {
                expectProblem(answer, 403, "forbidden")
            }
            return
        }
        #expect(answer.status != 401 && answer.status != 403 && answer.status < 500, "\(cell): \(answer.status)")
        if Self.ownThings.contains(key), side == .front {
            if caller == .otherShopper { expectProblem(answer, 404, "order_not_found") } else { #expect(answer.status < 300, cell) }
        }
        if key == "GET /api/v1/orders", side == .front {
            #expect((answer.json["items"]?.array?.isEmpty == true) == (caller == .otherShopper), cell)
        }
    }

    private static func path(_ key: RouteKey, order: String) -> String {
        let values = [
            "{id}": key.path.hasPrefix("/api/v1/orders") || key.path.hasPrefix("/api/v1/reservations") ? order : "LAPTOP-001",
            "{productId}": "LAPTOP-001", "{code}": "SAVE5", "{quoteId}": order, "{orderId}": order,
        ]
        return values.reduce(key.path) { $0.replacing($1.key, with: $1.value) }
    }

    @Test("a shopper's orders are their own: in lists, by id and to cancel, whatever page or id another one asks for")
    func own() async throws {
        try await withShop { shop in
            var orders: [String: [String]] = [:]
            for index in 0..<3 {
                for shopper in ["ann", "bob"] {
                    let placed = try await shop.client.post(
                        "/api/v1/orders", json: OrderRoutesTests.body(), as: .shopper(shopper), headers: [.idempotencyKey: "own-\(index)"]
                    ).expect(201)
                    orders[shopper, default: []].append(try #require(placed.json["id"]?.string))
                }
            }
            #expect(Set(orders.values.joined()).count == 6, "equal keys of two shoppers are two requests")
            for shopper in ["ann", "bob", "eve"] {
                var listed: [String] = []
                var path: String? = "/api/v1/orders?limit=2"
                while let asked = path {
                    let page = try await shop.client.get(asked, as: .shopper(shopper)).expect(200).json
                    listed += (page["items"]?.array ?? []).compactMap { $0["id"]?.string }
                    path = page["nextCursor"]?.string.map { "/api/v1/orders?limit=2&cursor=\($0)" }
                }
                #expect(Set(listed) == Set(orders[shopper] ?? []))
                for (owner, ids) in orders where owner != shopper {
                    for id in ids {
                        expectProblem(try await shop.client.get("/api/v1/orders/\(id)", as: .shopper(shopper)), 404, "order_not_found")
                        expectProblem(try await shop.client.post("/api/v1/orders/\(id)/cancel", as: .shopper(shopper)), 404, "order_not_found")
                    }
                }
            }
            // Another shopper's cursor opens no door either.
            let foreign = try await shop.client.get("/api/v1/orders?limit=1", as: .shopper("ann")).expect(200).json["nextCursor"]?.string
            let peek = try await shop.client.get("/api/v1/orders?limit=50&cursor=\(try #require(foreign))", as: .shopper("bob")).expect(200).json
            let seen = (peek["items"]?.array ?? []).compactMap { $0["id"]?.string }
            #expect(Set(seen).isSubset(of: orders["bob"] ?? []))
            let all = try await shop.client.get("/api/v1/orders", as: .operator).expect(200).json["items"]?.array?.count
            #expect(all == 6)
        }
    }

    @Test("callers without a name never get each other's answers, whatever key they send")
    func anonymousKeys() async throws {
        try await withShop { shop in
            func quote(_ quantity: Int64, as caller: TestKit.Caller = .anonymous) async throws -> Exchange {
                let body: JSON = ["lines": [["productId": "LAPTOP-001", "quantity": .integer(quantity)]], "currency": "USD", "taxRegion": "NONE"]
                return try await shop.client.post("/api/v1/quotes", json: body, as: caller, headers: [.idempotencyKey: "same"])
            }
            let (first, second, other) = (try await quote(1).expect(201), try await quote(1).expect(201), try await quote(2).expect(201))
            #expect(first.json["id"] != second.json["id"])
            #expect(other.headers[.idempotencyReplayed] == nil)
            // Who has a name has a scope.
            let named = try await quote(1, as: .shopper("ann")).expect(201)
            let again = try await quote(1, as: .shopper("ann")).expect(201)
            #expect(again.json["id"] == named.json["id"])
            #expect(again.headers[.idempotencyReplayed] == "true")
            #expect(try await quote(1, as: .shopper("bob")).expect(201).json["id"] != named.json["id"])
            expectProblem(try await quote(2, as: .shopper("ann")), 422, "idempotency_key_reused")
        }
    }
}
