import Foundation
import TestKit
import Testing

/// `SERVICE migrate`: what a rollout runs before it starts replicas.
@Suite struct MigrateTests {
    @Test("migrate brings the database up to date and ends; again, it changes nothing", arguments: ["inventory", "pricing", "gateway"])
    func migrate(service: String) async throws {
        let program = service == "gateway" ? "api-gateway" : "\(service)-service"
        try await withTemporaryFolder { folder in
            let settings = ["DATA_DIR": folder, "KEYS_DIR": "\(folder)/keys", "LOG_FORMAT": "json", "DATABASE_URL": "", "DB_HOST": ""]
            for _ in 0..<2 {
                let result = try await runCommand(RunningShop.programs.appending(path: program).path(), ["migrate"], environment: settings)
                #expect(result.code == 0, "\(result.output)\(result.errors)")
                #expect((result.output + result.errors).contains("the database is up to date"))
            }
            #expect(FileManager.default.fileExists(atPath: "\(folder)/\(service).sqlite"))
        }
    }

    @Test("a database that cannot be used fails it")
    func failure() async throws {
        try await withTemporaryFolder { folder in
            try Data("not a database, but long enough to be read as one".utf8).write(to: URL(filePath: "\(folder)/pricing.sqlite"))
            let settings = ["DATA_DIR": folder, "KEYS_DIR": "\(folder)/keys", "DATABASE_URL": "", "DB_HOST": ""]
            let result = try await runCommand(
                RunningShop.programs.appending(path: "pricing-service").path(), ["migrate"], environment: settings)
            #expect(result.code == 69, "\(result.output)\(result.errors)")
        }
    }
}
