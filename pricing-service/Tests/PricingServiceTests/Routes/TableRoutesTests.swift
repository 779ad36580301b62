import HTTPPath
import HTTPTypes
import TestKit
import Testing

@testable import PricingService

@Suite struct TableRoutesTests {
    @Test("the tables are read with a tag and replaced as a whole", arguments: [TestStore.memory, .postgres])
    func replaced(_ store: TestStore) async throws {
        let rates: JSON = ["base": "USD", "rates": [["currency": "EUR", "rate": ["value": 9, "scale": 1]]]]
        let taxes: JSON = ["rules": [["region": "DE", "rate": ["value": 7, "scale": 2], "mode": "inclusive"]]]
        try await withPricing(store: store) { service, clock in
            for (path, body, list) in [("/api/v1/exchange-rates", rates, "rates"), ("/api/v1/tax-rules", taxes, "rules")] {
                let read = try await service.client.get(path, as: .gateway).expect(200)
                #expect(read.json["version"] == 1)
                let tag = try #require(read.headers[.eTag])
                try await service.client.get(path, as: .gateway, headers: [.ifNoneMatch: tag]).expect(304)
                clock.advance(by: .seconds(1))
                let put = try await service.client.put(path, json: body, as: .gateway, headers: [.ifMatch: tag]).expect(200)
                #expect(put.json["version"] == 2 && put.json[list] == body[list])
                expectProblem(try await service.client.put(path, json: body, as: .gateway, headers: [.ifMatch: tag]), 412, "version_mismatch")
                #expect(try await service.client.get(path, as: .gateway).body == put.body)
                // A table for later is not in force yet.
                let later = body.with("validFrom", "2030-01-01T00:00:00Z")
                try await service.client.put(path, json: later, as: .gateway).expect(200)
                #expect(try await service.client.get(path, as: .gateway).json["version"] == 2)
            }
        }
    }

    @Test("an empty store has no tables")
    func none() async throws {
        try await withPricing(settings: ["SEED_CATALOGUE": "false"]) { service, _ in
            for path in ["/api/v1/exchange-rates", "/api/v1/tax-rules"] {
                expectProblem(try await service.client.get(path, as: .gateway), 404, "table_not_found")
            }
        }
    }

    @Test("a table that makes no sense is refused at its place")
    func refused() async throws {
        func rate(_ currency: JSON, _ value: JSON = 9, _ scale: JSON = 1) -> JSON {
            ["currency": currency, "rate": ["value": value, "scale": scale]]
        }
        func rule(_ region: JSON, _ value: JSON = 1, _ mode: JSON = "inclusive") -> JSON {
            ["region": region, "rate": ["value": value, "scale": 1], "mode": mode]
        }
        try await withPricing(store: .files) { service, _ in
            let before = try service.tableCounts()
            for (body, pointer) in [
                (["base": "EUR", "rates": [rate("EUR")]], "/base"), (["rates": [rate("EUR")]], "/base"), (["base": "USD", "rates": []], "/rates"),
                (["base": "USD"], "/rates"), (["base": "USD", "rates": [rate("EUR"), rate("EUR")]], "/rates"),
                (["base": "USD", "rates": [rate("USD")]], "/rates"),
                (["base": "USD", "rates": [rate("EUR", 0)]], "/rates/0/rate/value"),
                (["base": "USD", "rates": [rate("EUR", -1)]], "/rates/0/rate/value"),
                (["base": "USD", "rates": [rate("EUR", 1, 10)]], "/rates/0/rate/scale"),
                (["base": "USD", "rates": [rate("XXX")]], "/rates/0/currency"),
                (["base": "USD", "rates": [rate("EUR")], "validFrom": 7], "/validFrom"),
                (["base": "USD", "rates": [rate("EUR")], "until": ""], "/until"),
            ] as [(JSON, String)] {
                expectProblem(try await service.client.put("/api/v1/exchange-rates", json: body, as: .gateway), 422, "invalid_body", pointer: pointer)
            }
            for (body, pointer) in [
                (["rules": []], "/rules"), ([:], "/rules"), (["rules": [rule("DE"), rule("DE")]], "/rules"),
                (["rules": [rule("Germany")]], "/rules/0/region"),
                (["rules": [rule("DE", 11)]], "/rules/0/rate"), (["rules": [rule("DE", 1, "some")]], "/rules/0/mode"),
                (["rules": [rule("DE"), 7]], "/rules/1"),
            ] as [(JSON, String)] {
                expectProblem(try await service.client.put("/api/v1/tax-rules", json: body, as: .gateway), 422, "invalid_body", pointer: pointer)
            }
            #expect(try service.tableCounts() == before)
        }
    }
}
