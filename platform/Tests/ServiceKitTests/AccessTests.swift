import HTTPPath
import ServiceKit
import TestKit
import Testing

@Suite("Access table")
struct AccessTests {
    private func parts(_ access: AccessTable, _ keys: [RouteKey]) async throws {
        let routes = Routes(access: Routes.standardAccess.merging(access) { $1 })
        for key in keys { routes.on(key) { _, _ in .noContent() } }
        try await withTemporaryFolder { folder in
            let boot = Boot(service: "x", settings: Settings([:]), logger: LogCapture().logger("x"))
            let authorizer = try await Authorizer(jwks: LocalKeys(folder: folder).jwks(.users), issuer: "i", audience: "x", roles: [])
            _ = try ServiceParts(routes: routes, boot: boot, openAPI: [], authorizer: authorizer)
        }
    }

    @Test("a table that is complete is accepted")
    func complete() async throws {
        try await parts(["GET /a": .anyone], ["GET /a"])
    }

    @Test("a route without a row stops the start, and is named")
    func routeWithoutRow() async {
        let error = await #expect(throws: ConfigurationError.self) { try await parts([:], ["GET /a"]) }
        #expect(error?.description.contains("routes without an access row: [GET /a]") == true)
    }

    @Test("a row without a route stops the start, and is named")
    func rowWithoutRoute() async {
        let error = await #expect(throws: ConfigurationError.self) { try await parts(["GET /a": .anyone, "POST /a": .anyone], ["GET /a"]) }
        #expect(error?.description.contains("access rows without a route: [POST /a]") == true)
    }

    @Test("what names nobody allows nobody")
    func nobody() async throws {
        let definition = ServiceDefinition(name: "closed", port: 1) { boot in
            let routes = Routes(access: Routes.standardAccess.merging(["GET /a": []]) { $1 })
            routes.on("GET /a") { _, _ in .noContent() }
            let keys = LocalKeys(folder: try boot.settings(ServiceSettings.keysDirectory))
            let authorizer = try await Authorizer(jwks: keys.jwks(.users), issuer: "hello-dd-local", audience: "closed", roles: [.member, .operator])
            return try ServiceParts(routes: routes, boot: boot, openAPI: [], authorizer: authorizer)
        }
        try await withService(definition) { service in
            expectProblem(try await service.client.get("/a"), 401, "unauthenticated")
            expectProblem(try await service.client.get("/a", as: .person("ann", role: "member")), 403, "forbidden")
            expectProblem(try await service.client.get("/a", as: .operator), 403, "forbidden")
        }
    }
}
