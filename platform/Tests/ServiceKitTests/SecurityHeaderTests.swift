import HTTPTypes
import TestKit
import Testing

@testable import ServiceKit

@Suite("security headers")
struct SecurityHeaderTests {
    @Test("every answer has them, errors and what is no request included; a page has a policy of its own")
    func everywhere() async throws {
        try await withService(ProbeService().definition) { service in
            var answers: [(String, HTTPFields)] = []
            for path in ["/api/v1/who", "/nowhere", "/api/v1/secretive", "/health/live", "/metrics", "/docs", "/openapi.json", "/api/v1/things/1"] {
                answers.append((path, try await service.client.get(path).headers))
            }
            answers.append(("garbage", try #require(try await sendRaw(Array("garbage\r\n\r\n".utf8), to: service.port).first).headers))
            for (path, headers) in answers {
                #expect(headers[.xContentTypeOptions] == "nosniff", "\(path)")
                #expect(headers[.frameOptions] == "DENY", "\(path)")
                #expect(headers[.referrerPolicy] == "no-referrer", "\(path)")
                #expect(headers[.crossOriginResourcePolicy] == "same-origin", "\(path)")
                #expect(headers[.strictTransportSecurity] == nil, "\(path)")
                let policy = headers[.contentSecurityPolicy] ?? ""
                #expect(policy.hasPrefix("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "\(path)")
                #expect(!policy.contains("script"), "\(path)")
                #expect(headers[.cacheControl] == (["/docs", "/openapi.json"].contains(path) ? "no-cache" : "no-store"), "\(path)")
                #expect(headers[.server] == nil, "\(path)")
            }
        }
    }

    @Test("HSTS is said where it is configured")
    func strictTransport() async throws {
        try await withService(ProbeService().definition, settings: ["HTTP_HSTS_SECONDS": "31536000"]) { service in
            for path in ["/api/v1/who", "/nowhere"] {
                let answer = try await service.client.get(path)
                #expect(answer.headers[.strictTransportSecurity] == "max-age=31536000")
            }
        }
    }
}

@Suite("CORS")
struct CrossOriginTests {
    private func preflight(_ service: RunningService, _ origin: String, _ path: String = "/api/v1/things/7") async throws -> Exchange {
        try await service.client.send(
            "OPTIONS", path, headers: [.origin: origin, .accessControlRequestMethod: "PUT", .accessControlRequestHeaders: "authorization"])
    }

    @Test("a listed origin is answered by its name, its preflight with what the path takes; credentials never")
    func listed() async throws {
        try await withService(ProbeService(crossOrigin: "https://shop.example, http://localhost:3000").definition) { service in
            for origin in ["https://shop.example", "http://localhost:3000"] {
                let asked = try await preflight(service, origin).expect(204)
                #expect(asked.headers[.accessControlAllowOrigin] == origin)
                #expect(asked.headers[.accessControlAllowMethods] == "GET, PUT")
                #expect(asked.headers[.accessControlAllowHeaders]?.contains("Authorization") == true)
                #expect(asked.headers[.accessControlMaxAge] == "600")
                for path in ["/api/v1/who", "/api/v1/things/7", "/nowhere"] {
                    let answer = try await service.client.get(path, headers: [.origin: origin])
                    #expect(answer.headers[.accessControlAllowOrigin] == origin)
                    #expect(answer.headers[.accessControlExposeHeaders]?.contains("ETag") == true)
                    #expect(answer.headers[.vary] == "Origin")
                    #expect(answer.headers[.accessControlAllowCredentials] == nil)
                }
            }
        }
    }

    @Test(
        "no other origin is let in, and its answers vary by origin all the same",
        arguments: [
            "https://evil.example", "https://shop.example.evil.example", "http://shop.example", "https://shop.example:444", "null",
            "HTTPS://SHOP.EXAMPLE", "*",
        ])
    func others(_ origin: String) async throws {
        try await withService(ProbeService(crossOrigin: "https://shop.example").definition) { service in
            let asked = try await preflight(service, origin)
            #expect(asked.status == 405)
            let answer = try await service.client.get("/api/v1/who", headers: [.origin: origin])
            for headers in [asked.headers, answer.headers] {
                #expect(headers[.accessControlAllowOrigin] == nil)
                #expect(headers[.accessControlAllowMethods] == nil)
                #expect(headers[.vary] == "Origin")
            }
        }
    }

    @Test("without a list there is no CORS, and a preflight for a path that is not there is no answer")
    func none() async throws {
        try await withService(ProbeService().definition) { service in
            let asked = try await preflight(service, "https://shop.example")
            #expect(asked.status == 405)
            #expect(asked.headers[.vary] == nil)
        }
        try await withService(ProbeService(crossOrigin: "https://shop.example").definition) { service in
            let nowhere = try await preflight(service, "https://shop.example", "/nowhere")
            #expect(nowhere.status == 404)
        }
    }

    @Test(
        "what is no origin cannot be listed",
        arguments: [
            "*", "https://*", "https://*.example", "shop.example", "https://shop.example/", "https://Shop.example", "https://a@b", "null", "", ",",
            "https://", "file:///",
        ])
    func lists(_ list: String) {
        #expect(throws: ConfigurationError.self) { try CrossOrigin(list) }
    }
}
