import HTTPPath
import HTTPTypes
import ServiceKit
import TestKit
import Testing

@testable import Gateway
@testable import InventoryService

@Suite("what is passed through")
struct PassThroughTests {
    // MARK: the request

    @Test("path and query arrive as they were sent")
    func target() async throws {
        try await withMirrors { client in
            let path = "/api/v1/stock/movements?product=A%2FB&limit=2&cursor=a%3D%3D&x=%C3%BC&empty="
            let seen = try await client.get(path, as: .operator).expect(200).json
            #expect(seen["target"] == .string(path))
            #expect(seen["method"] == "GET")
        }
    }

    @Test("the gateway calls with its own token, on behalf of the operator; credentials and claims from outside end here")
    func identity() async throws {
        try await withMirrors { client in
            let spoofed: HTTPFields = [.onBehalfOf: "root", .cookie: "session=1"]
            let seen = try await client.get("/api/v1/products/low-stock", as: .operatorNamed("olivia"), headers: spoofed).expect(200).json
            #expect(seen["subject"] == "api-gateway")
            #expect(seen["onBehalfOf"] == "olivia")
            #expect(seen["headers"]?["cookie"] == nil)
            let token = try await client.tokens.token(.operatorNamed("olivia")) ?? ""
            #expect(seen["headers"]?["authorization"]?.string?.contains(token) == false)

            let anonymous = try await client.post("/api/v1/quotes", json: [:], headers: spoofed).expect(200).json
            #expect(anonymous["subject"] == "api-gateway")
            #expect(anonymous["onBehalfOf"] == nil)
            let shopper = try await client.post("/api/v1/quotes", json: [:], as: .shopper("ann"), headers: spoofed).expect(200).json
            #expect(shopper["onBehalfOf"] == "ann")
        }
    }

    @Test("a line break that is encoded in a target or bare in a value makes no header behind the gateway")
    func injection() async throws {
        try await withMirrors { client in
            let path = "/api/v1/stock/movements?product=a%0d%0aX-Evil:%20b%0d%0a%0d%0aGET%20/admin"
            let seen = try await client.get(path, as: .operator).expect(200).json
            #expect(seen["target"] == .string(path))
            #expect(seen["headers"]?["x-evil"] == nil)
            let token = try await client.tokens.token(.operator) ?? ""
            for (value, status) in [("a\rX-Evil: b", 400), ("a\nX-Evil: b", 400), ("a\u{0}b", 400), ("a%0d%0aX-Evil: b", 200)] {
                let fields = "Host: a\r\nConnection: close\r\nAuthorization: Bearer \(token)\r\nX-Custom: \(value)"
                let head = "GET /api/v1/products/low-stock HTTP/1.1\r\n\(fields)\r\n\r\n"
                let answer = try #require(try await sendRaw(Array(head.utf8), to: client.port).first)
                #expect(answer.status == status)
                guard status == 200 else { continue }
                let headers = try JSON.parse(answer.body)["headers"]
                #expect(headers?["x-custom"] == .string(value))
                #expect(headers?["x-evil"] == nil)
            }
        }
    }

    @Test("headers that concern the connection end here, those that it names included; all others go on")
    func headers() async throws {
        try await withMirrors { client in
            let sent: HTTPFields = [
                .connection: "X-Secret, X-Other", .te: "trailers", .upgrade: "h2c", .proxyAuthorization: "Basic x",
                HTTPField.Name("Keep-Alive")!: "5",
                HTTPField.Name("X-Secret")!: "1", HTTPField.Name("X-Other")!: "2", .ifNoneMatch: "\"3\"", .acceptLanguage: "de",
                HTTPField.Name("X-Custom")!: "kept",
            ]
            let seen = try await client.get("/api/v1/products/low-stock", as: .operator, headers: sent).expect(200).json["headers"]
            for name in ["te", "upgrade", "proxy-authorization", "keep-alive", "x-secret", "x-other"] { #expect(seen?[name] == nil, "\(name)") }
            #expect(seen?["if-none-match"] == "\"3\"")
            #expect(seen?["accept-language"] == "de")
            #expect(seen?["x-custom"] == "kept")
        }
    }

    @Test(
        "what a caller says of itself is replaced by what is known: its address, or the one that a trusted proxy saw",
        arguments: [
            // (TRUSTED_PROXIES, the lines of X-Forwarded-For, what goes on)
            ("", [], "127.0.0.1"), ("", ["6.6.6.6"], "127.0.0.1"), ("", ["6.6.6.6, 127.0.0.1", "10.0.0.1"], "127.0.0.1"),
            ("10.0.0.0/8", ["6.6.6.6"], "127.0.0.1"),
            ("127.0.0.0/8", [], "127.0.0.1"), ("127.0.0.0/8", ["203.0.113.9"], "203.0.113.9"),
            // Whatever stands before the last address that is not a trusted proxy's may have been made up.
            ("127.0.0.0/8", ["6.6.6.6, 203.0.113.9"], "203.0.113.9"), ("127.0.0.0/8", ["6.6.6.6", "203.0.113.9:4711"], "203.0.113.9"),
            ("127.0.0.0/8,10.0.0.0/8", ["6.6.6.6, 2001:db8::7, 10.1.2.3"], "2001:db8::7"),
            ("127.0.0.0/8", ["6.6.6.6, not an address"], "127.0.0.1"), ("127.0.0.0/8", ["6.6.6.6, "], "127.0.0.1"),
        ])
    func forwardedFor(trusted: String, lines: [String], known: String) async throws {
        try await withMirrors(settings: ["TRUSTED_PROXIES": trusted]) { client in
            var sent: HTTPFields = [
                HTTPField.Name("Forwarded")!: "for=6.6.6.6;proto=https", HTTPField.Name("X-Forwarded-Proto")!: "https",
                HTTPField.Name("X-Forwarded-Host")!: "evil.example", HTTPField.Name("X-Forwarded-Prefix")!: "/admin",
            ]
            for line in lines { sent.append(HTTPField(name: HTTPField.Name("X-Forwarded-For")!, value: line)) }
            let seen = try await client.get("/api/v1/products/low-stock", as: .operator, headers: sent).expect(200).json["headers"]
            #expect(seen?["x-forwarded-for"] == .string(known))
            let told = (seen?.members ?? []).map(\.name).filter { $0 == "forwarded" || $0.hasPrefix("x-forwarded") }
            #expect(told == ["x-forwarded-for"])
        }
    }

    @Test("correlation, trace and what is left of the caller's time go on")
    func context() async throws {
        try await withMirrors { client in
            let sent: HTTPFields = [
                .correlationID: "corr-1", .traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", .tracestate: "dd=s:1",
                .baggage: "team=blue", .requestTimeout: "4000",
            ]
            let answer = try await client.get("/api/v1/products/low-stock", as: .operator, headers: sent).expect(200)
            let seen = answer.json["headers"]
            #expect(seen?["x-correlation-id"] == "corr-1")
            let trace = try #require(seen?["traceparent"]?.string).split(separator: "-")
            #expect(trace[1] == "4bf92f3577b34da6a3ce929d0e0e4736")
            #expect(trace[2] != "00f067aa0ba902b7", "the gateway's own span")
            #expect(trace[3] == "01")
            #expect(seen?["tracestate"] == "dd=s:1")
            #expect(seen?["baggage"] == "team=blue")
            let left = try #require(seen?["x-request-timeout-ms"]?.string.flatMap { Int($0) })
            #expect((1...4000).contains(left))
            #expect(answer.header("X-Correlation-ID") == "corr-1")
        }
    }

    @Test("a body goes on byte for byte under its own type, and a missing type is not made up")
    func body() async throws {
        try await withMirrors { client in
            let text = "{ \"a\" : 1.0, \"ü\": \"\\u00e9\" }\n"
            let typed = try await client.send(
                "PATCH", "/api/v1/products/A-1", as: .operator, body: Array(text.utf8), contentType: "application/merge-patch+json; v=1"
            ).expect(200).json
            #expect(typed["body"] == .string(text))
            #expect(typed["headers"]?["content-type"] == "application/merge-patch+json; v=1")
            let chunked = try await client.send("POST", "/api/v1/products", as: .operator, body: Array(text.utf8), chunked: true).expect(200).json
            #expect(chunked["body"] == .string(text))
            #expect(chunked["headers"]?["content-type"] == nil)
            let empty = try await client.post("/api/v1/products", as: .operator).expect(200).json
            #expect(empty["bytes"] == 0)
        }
    }

    @Test("a body over the gateway's bound is refused before anything is sent on; an import has no bound")
    func size() async throws {
        try await withMirrors(settings: ["HTTP_MAX_BODY_BYTES": "4096"]) { client in
            let long = [UInt8](repeating: UInt8(ascii: "x"), count: 300_000)
            for chunked in [true, false] {
                let refused = try await client.send("POST", "/api/v1/products", as: .operator, body: long, chunked: chunked)
                expectProblem(refused, 413, "body_too_large")
                let imported = try await client.send(
                    "POST", "/api/v1/products/import?dryRun=true", as: .operator, body: long, contentType: "text/csv", chunked: chunked)
                #expect(imported.expect(200).json["bytes"] == 300_000)
                #expect(imported.json["target"] == "/api/v1/products/import?dryRun=true")
            }
        }
    }

    // MARK: the answer

    @Test("the answer comes back with its headers, each once")
    func answer() async throws {
        try await withMirrors { client in
            let answer = try await client.get("/api/v1/products/low-stock", as: .operator).expect(200)
            #expect(answer.header("ETag") == "\"7\"")
            #expect(answer.header("X-Custom") == "kept")
            #expect(answer.header("Cache-Control") == "max-age=5")
            for name in ["Content-Length", "Content-Type", "X-Correlation-ID", "X-Content-Type-Options", "Date"] {
                #expect(answer.headers.count { $0.name.canonicalName == name.lowercased() } <= 1, "\(name)")
            }
            #expect(answer.header("Content-Length") == String(answer.body.count))
        }
    }

    @Test("a service that refuses the gateway's token is a fault of the shop's: 502")
    func tokenRefused() async throws {
        // Each with keys of its own.
        try await withService(InventoryApp.definition) { inventory in
            try await withService(GatewayApp.definition, settings: gatewaySettings(inventory: inventory.baseURL)) { gateway in
                for path in ["/api/v1/products/low-stock", "/api/v1/products", "/api/v1/products/LAPTOP-001"] {
                    expectProblem(try await gateway.client.get(path, as: .operator), 502, "bad_gateway")
                }
            }
        }
    }

    @Test("a service that is not there is 503, and says when to come back")
    func unreachable() async throws {
        try await withService(GatewayApp.definition, settings: gatewaySettings()) { gateway in
            for path in ["/api/v1/products/low-stock", "/api/v1/discounts"] {
                let answer = try await gateway.client.get(path, as: .operator)
                expectProblem(answer, 503, "unavailable")
                #expect(answer.header("Retry-After") == "1")
            }
            let rows = Array("sku,name,category\n".utf8)
            let upload = try await gateway.client.send("POST", "/api/v1/products/import", as: .operator, body: rows, contentType: "text/csv")
            expectProblem(upload, 503, "unavailable")
        }
    }

    // MARK: the real ones behind

    @Test("an operator creates, changes and deletes a product, each change with the ETag of what was read")
    func product() async throws {
        try await withShop { shop in
            let client = shop.client
            let draft: JSON = ["sku": "LAMP-900", "name": "Lamp", "category": "light"]
            let created = try await client.post("/api/v1/products", json: draft, as: .operator, headers: [.idempotencyKey: "c-1"]).expect(201)
            let tag = try #require(created.header("ETag"))
            let path = try #require(created.header("Location"))
            let replayed = try await client.post("/api/v1/products", json: draft, as: .operator, headers: [.idempotencyKey: "c-1"]).expect(201)
            #expect(replayed.header("Idempotency-Replayed") == "true")
            expectProblem(try await client.post("/api/v1/products", json: draft, as: .operator), 409, "sku_taken", pointer: "/sku")

            expectProblem(try await client.patch(path, json: ["name": "Big lamp"], as: .operator), 428, "precondition_required")
            let changed = try await client.patch(path, json: ["name": "Big lamp"], as: .operator, headers: [.ifMatch: tag]).expect(200)
            #expect(changed.header("ETag") != tag)
            expectProblem(try await client.put(path, json: draft, as: .operator, headers: [.ifMatch: tag]), 412, "version_mismatch")
            #expect(try await client.get(path).expect(200).json["product"]?["name"] == "Big lamp")

            let deleted = try await client.delete(path, as: .operator, headers: [.ifMatch: "*"]).expect(204)
            #expect(deleted.body.isEmpty)
            expectProblem(try await client.delete(path, as: .operator, headers: [.ifMatch: "*"]), 404, "product_not_found")
        }
    }

    @Test("the ledger names the operator who adjusted the stock")
    func ledger() async throws {
        try await withShop { shop in
            let body: JSON = ["delta": 5, "reason": "receipt", "note": "Delivery"]
            let stock = try await shop.client.post("/api/v1/products/LAPTOP-001/stock/adjustments", json: body, as: .operatorNamed("olga")).expect(
                200)
            #expect(stock.json["onHand"] == 47)
            let newest = try await shop.client.get("/api/v1/stock/movements?product=LAPTOP-001&limit=1", as: .operator).expect(200).json["items"]?[0]
            #expect(newest?["actor"] == "olga")
            #expect(newest?["quantity"] == 5)
            let low = try await shop.client.get("/api/v1/products/low-stock?limit=200", as: .operator).expect(200)
            #expect(low.json["items"]?.array != nil)
        }
    }

    @Test("the whole ledger comes through the gateway as CSV and as NDJSON, however long it is")
    func ledgerExport() async throws {
        try await withShop { shop in
            let rows = "sku,name,category,stock\n" + (0..<1200).map { "NEW-\($0),New,new,\($0 + 1)\n" }.joined()
            try await shop.client.send("POST", "/api/v1/products/import", as: .operator, body: Array(rows.utf8), contentType: "text/csv").expect(200)
            let path = "/api/v1/stock/movements"
            let csv = try await shop.client.get(path, as: .operator, headers: [.accept: "text/csv"]).expect(200)
            #expect(csv.header("Content-Type") == "text/csv; charset=utf-8; header=present")
            #expect(csv.header("Content-Disposition") == "attachment; filename=\"stock-movements.csv\"")
            let lines = csv.text.split(separator: "\r\n")
            #expect(lines.count == 1 + 60 + 1200 && lines.last?.contains(",NEW-1199,receipt,1200,") == true)
            let ndjson = try await shop.client.get(path + "?product=NEW-7", as: .operator, headers: [.accept: "application/x-ndjson"]).expect(200)
            #expect(ndjson.json["quantity"] == 8)
            expectProblem(try await shop.client.get(path, as: .shopper("ann"), headers: [.accept: "text/csv"]), 403, "forbidden")
        }
    }

    @Test("an answer that breaks off behind the gateway breaks off for the caller, who cannot take it for the whole")
    func brokenOff() async throws {
        let begun = "HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n6\r\na,b\r\n\r\n"
        _ = try await withRawServer(.answerThenClose(begun)) { port in
            try await withService(GatewayApp.definition, settings: gatewaySettings(inventory: "http://127.0.0.1:\(port)")) { gateway in
                await #expect(throws: (any Error).self) {
                    try await gateway.client.get("/api/v1/stock/movements", as: .operator, headers: [.accept: "text/csv"])
                }
            }
        }
    }

    @Test("a file is imported through the gateway, and its faults come back with line and column")
    func imported() async throws {
        try await withShop { shop in
            let rows = "sku,name,category,stock\nNEW-001,New,new,3\nNEW-002,,new,3\n"
            let report = try await shop.client.send(
                "POST", "/api/v1/products/import", as: .operator, body: Array(rows.utf8), contentType: "text/csv", chunked: true
            ).expect(200).json
            #expect(report["created"] == 1)
            #expect(report["rejected"] == 1)
            #expect(report["errors"]?[0]?["line"] == 3)
            let wrong = try await shop.client.send(
                "POST", "/api/v1/products/import", as: .operator, body: Array(String(repeating: rows, count: 50_000).utf8), contentType: "text/plain")
            expectProblem(wrong, 415, "unsupported_media_type")
        }
    }

    @Test("prices, discounts, exchange rates and tax rules are read and changed through the gateway")
    func pricing() async throws {
        try await withShop { shop in
            let client = shop.client
            let price = try await client.get("/api/v1/prices/LAPTOP-001").expect(200)
            let tag = try #require(price.header("ETag"))
            let current = try await client.get("/api/v1/prices/LAPTOP-001", headers: [.ifNoneMatch: tag]).expect(304)
            #expect(current.body.isEmpty)
            #expect(current.header("ETag") == tag)
            let change: JSON = ["base": ["amountMinor": 119_900, "currency": "USD"]]
            try await client.put("/api/v1/prices/LAPTOP-001", json: change, as: .operator, headers: [.ifMatch: tag]).expect(200)
            #expect(try await client.get("/api/v1/products/LAPTOP-001").json["price"]?["price"]?["amountMinor"] == 119_900)
            #expect(try await client.get("/api/v1/prices/LAPTOP-001/history", as: .operator).expect(200).json["items"]?.array?.count == 2)

            let rule: JSON = ["code": "HALF", "kind": "percentage", "rate": ["value": 5, "scale": 1]]
            let made = try await client.post("/api/v1/discounts", json: rule, as: .operator).expect(201)
            let path = try #require(made.header("Location"))
            let replaced = try await client.put(path, json: rule.with("usageLimit", 3), as: .operator, headers: [.ifMatch: made.header("ETag") ?? ""])
                .expect(200)
            #expect(try await client.get(path, as: .operator).expect(200).json == replaced.json)
            #expect(
                try await client.get("/api/v1/discounts", as: .operator).expect(200).json["items"]?.array?.contains { $0["code"] == "HALF" } == true)
            try await client.delete(path, as: .operator, headers: [.ifMatch: "*"]).expect(204)

            let rates = try await client.get("/api/v1/exchange-rates", as: .operator).expect(200)
            let table: JSON = ["base": "USD", "rates": [["currency": "EUR", "rate": ["value": 9, "scale": 1]]]]
            try await client.put("/api/v1/exchange-rates", json: table, as: .operator, headers: [.ifMatch: rates.header("ETag") ?? ""]).expect(200)
            let rules = try await client.get("/api/v1/tax-rules", as: .operator).expect(200)
            let taxes: JSON = ["rules": [["region": "DE", "rate": ["value": 19, "scale": 2], "mode": "inclusive"]]]
            try await client.put("/api/v1/tax-rules", json: taxes, as: .operator, headers: [.ifMatch: rules.header("ETag") ?? ""]).expect(200)
        }
    }
}
