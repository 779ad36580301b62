import Basics
import Database
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

    @Test("a release that is taken back starts on the schema of the one after it, unless that one has left it behind")
    func rollback() async throws {
        try await withTemporaryFolder { folder in
            let settings = ["DATA_DIR": folder, "KEYS_DIR": "\(folder)/keys", "LOG_FORMAT": "json", "DATABASE_URL": "", "DB_HOST": ""]
            let program = RunningShop.programs.appending(path: "inventory-service").path()
            #expect(try await runCommand(program, ["migrate"], environment: settings).code == 0)

            func change(_ statements: SQL...) async throws {
                let database = try SQLiteDatabase(.file("\(folder)/inventory.sqlite"))
                for statement in statements { try await database.execute(statement) }
                await database.shutdown()
            }
            // What a later release would have done.
            try await change(
                "ALTER TABLE products ADD COLUMN brand TEXT",
                """
                INSERT INTO schema_migrations (version, name, checksum, applied_at, needs)
                SELECT count(*) + 1, 'm9999_brand', '', \(Timestamp.now), 0 FROM schema_migrations
                """)
            let accepted = try await runCommand(program, ["migrate"], environment: settings)
            #expect(accepted.code == 0, "\(accepted.output)\(accepted.errors)")
            #expect((accepted.output + accepted.errors).contains("the database is ahead of this release"))

            try await change("UPDATE schema_migrations SET needs = version WHERE name = 'm9999_brand'")
            let refused = try await runCommand(program, ["migrate"], environment: settings)
            #expect(refused.code == 69, "\(refused.output)\(refused.errors)")
            #expect(refused.errors.contains("m9999_brand"))
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
