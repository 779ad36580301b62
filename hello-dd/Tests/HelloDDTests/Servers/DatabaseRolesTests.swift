import TestKit
import Testing

@testable import HelloDD

struct DatabaseRolesTests {
    @Test("a password is made once, long and without a character that would need quotes, and read again")
    func passwords() async throws {
        try await withTemporaryFolder { path in
            let folder = RunFolder(path: path)
            var roles = try DatabaseRoles.read(folder)
            let made = roles.password(of: .gateway)
            #expect(made.isNew)
            #expect(made.text.count == 24)
            #expect(made.text.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber) })
            let again = roles.password(of: .gateway)
            #expect(!again.isNew && again.text == made.text)
            #expect(roles.password(of: .pricing).text != made.text)
            try roles.write(to: folder)
            let read = try DatabaseRoles.read(folder)
            #expect(read == roles)
            #expect(read.passwords.keys.sorted() == ["orders", "pricing"])
        }
    }

    @Test("a damaged file is told, and so is a password that could become SQL", arguments: ["{", #"{"passwords": {"orders": "x'; DROP TABLE y"}}"#])
    func damaged(text: String) async throws {
        try await withTemporaryFolder { path in
            let folder = RunFolder(path: path)
            try Files.replace(DatabaseRoles.file(folder), with: Array(text.utf8))
            let failure = #expect(throws: CommandFailure.self) { try DatabaseRoles.read(folder) }
            #expect(failure?.description.contains("is damaged: remove it") == true)
        }
    }

    @Test("a database that the environment names is refused where several services would share it")
    func sharedDatabase() throws {
        let environment = ["DATABASE_URL": "postgres://db/shop"]
        let all = Set(Service.allCases)
        let failure = #expect(throws: CommandFailure.self) { try Preflight.checkDatabases(.files, services: all, environment: environment) }
        #expect(failure?.description.contains("DATABASE_URL is set, and 3 services would share") == true)
        try Preflight.checkDatabases(.files, services: [.inventory], environment: environment)
        try Preflight.checkDatabases(.ownServer(isEphemeral: false), services: all, environment: environment)
        try Preflight.checkDatabases(.files, services: all, environment: ["DATABASE_URL": ""])
    }
}
