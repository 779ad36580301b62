import HTTPPath
import HTTPTypes
import ServiceKit
import TestKit
import Testing

@testable import PricingService

@Suite struct AccessTests {
    @Test("only a service may call what is not health or about the service itself")
    func access() async throws {
        try await withPricing { service, _ in
            for route in service.routes {
                let path = route.key.path.split(separator: "/").map { $0.hasPrefix("{") ? "01900000-0000-7001-8000-000000000001" : String($0) }
                let target = "/" + path.joined(separator: "/")
                if route.key.path.hasPrefix("/api/") {
                    expectProblem(try await service.client.send(route.key.method.rawValue, target), 401, "unauthenticated", pointer: "Authorization")
                    // Users' keys are not this service's: their tokens do not even name a caller here.
                    for caller in [Caller.operator, .shopper("sam"), .service("inventory-service"), .raw("junk")] {
                        expectProblem(try await service.client.send(route.key.method.rawValue, target, as: caller), 401, "unauthenticated")
                    }
                } else {
                    try await service.client.send(route.key.method.rawValue, target).expect(200)
                }
            }
        }
    }

    @Test("a second start finds what the first one left")
    func restart() async throws {
        try await withTemporaryFolder { folder in
            let settings = ["DATABASE_URL": "sqlite:\(folder)/pricing.sqlite", "KEYS_DIR": "\(folder)/keys"]
            let id = try await withPricing(settings: settings) { service, _ in
                try #require(try await service.client.quote(codes: ["LIMITED"]).expect(201).json["id"]?.string)
            }
            try await withPricing(settings: settings) { service, _ in
                try await service.client.get("/api/v1/quotes/\(id)", as: .gateway).expect(200)
                try await service.client.send("PUT", "/api/v1/quotes/\(id)/redemptions/\(id)", as: .gateway).expect(200)
                #expect(try await service.client.get("/api/v1/discounts/LIMITED", as: .gateway).json["timesUsed"] == 1)
            }
        }
    }
}
