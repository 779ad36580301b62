import Database
import Foundation
import LocalServers
import Testing

@Suite(.timeLimit(.minutes(5))) struct PostgresTLSTests {
    /// A certificate that has signed nothing.
    private static let wrongRoot = """
        -----BEGIN CERTIFICATE-----
        MIIBhjCCAS2gAwIBAgIUETUiui3WLKmwca3z6aoVguVp01AwCgYIKoZIzj0EAwIw
        GDEWMBQGA1UEAwwNc29tZWJvZHkgZWxzZTAgFw0yNjExMjQxMTIzMTNaGA8yMTI2
        MTAzMTExMjMxM1owGDEWMBQGA1UEAwwNc29tZWJvZHkgZWxzZTBZMBMGByqGSM49
        AgEGCCqGSM49AwEHA0IABEhemGvb6rIp9IY9jy2r/M30vggWlb/w98Z/ZRG38hbj
        etr17+HJrIlf01sJMPlyucT0JfiDijtfPAVBRCpBrmqjUzBRMB0GA1UdDgQWBBRw
        UOi0rY67A2biEY756c0x5rRBGDAfBgNVHSMEGDAWgBRwUOi0rY67A2biEY756c0x
        5rRBGDAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCIFW24GIcGJsI
        UOED/Z2i70yCbYeHySTDYbHfi9fJOu2DAiA3HE9RMqly8vvBbjks5nz3V3Or1nAI
        C9UeQgOQRWAkJA==
        -----END CERTIFICATE-----
        """

    private static let isEncrypted: SQL = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"

    private func withFile(_ text: String, _ body: (_ path: String) async throws -> Void) async throws {
        let path = FileManager.default.temporaryDirectory.path + "/" + UUID().uuidString
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await body(path)
    }

    @Test("a connection is encrypted exactly if sslmode says so", arguments: ["disable", "prefer", "require"])
    func encrypted(mode: String) async throws {
        try await Store.withPostgres(parameters: "sslmode=\(mode)") { database, _ in
            let isEncrypted: Bool = try await database.query(Self.isEncrypted)[0].decode(0)
            #expect(isEncrypted == (mode != "disable"))
        }
    }

    @Test("sslmode=verify-full accepts the server's own root")
    func rightRoot() async throws {
        let root = try await PostgresServer.shared().certificate
        try await Store.withPostgres(parameters: "sslmode=verify-full&sslrootcert=\(root)") { database, _ in
            let isEncrypted: Bool = try await database.query(Self.isEncrypted)[0].decode(0)
            #expect(isEncrypted)
        }
    }

    @Test("sslmode=verify-full refuses any other, and says why")
    func wrongRoot() async throws {
        try await withFile(Self.wrongRoot) { root in
            try await Store.withPostgres(parameters: "sslmode=verify-full&sslrootcert=\(root)") { database, _ in
                let error = await #expect(throws: DatabaseError.self) { try await database.query("SELECT 1") }
                #expect(error?.code == .unavailable)
                #expect(error?.message.contains("certificate verify failed") == true)
            }
        }
    }

    /// Around what a record, a packet and libpq's buffers hold.
    private static let sizes: [Int] = {
        let bounds = [4_096, 8_192, 16_384, 32_768, 65_536, 131_072]
        return [0, 1] + bounds.flatMap { bound in [-300, -40, -9, -1, 0, 1, 9, 40, 300].map { bound + $0 } } + [1 << 20, 1 << 22]
    }()

    @Test("values of any size arrive complete, both ways", arguments: ["disable", "require"])
    func sizes(withMode mode: String) async throws {
        try await Store.withPostgres(parameters: "sslmode=\(mode)") { database, _ in
            for size in Self.sizes {
                let text = String(repeating: "x", count: size) + String(size)
                let row = try await database.query("SELECT \(text) AS there, \(Array(text.utf8)) AS and_back")[0]
                let (there, andBack): (String, [UInt8]) = (try row.decode("there"), try row.decode("and_back"))
                #expect(there == text)
                #expect(andBack == Array(text.utf8))
            }
        }
    }

    @Test("many rows arrive complete, also when several connections receive at once", arguments: ["disable", "require"])
    func rows(mode: String) async throws {
        try await Store.withPostgres(connections: 4, parameters: "sslmode=\(mode)") { database, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for width in [1, 10, 100, 1000, 3000, 8000] {
                    group.addTask {
                        let rows = try await database.query(
                            "SELECT n, repeat(chr(97 + n % 26), \(width)::int) AS t FROM generate_series(1, 2000) AS n")
                        #expect(rows.count == 2000)
                        for (index, row) in rows.enumerated() {
                            let letter = String(UnicodeScalar(UInt8(97 + (index + 1) % 26)))
                            guard try row.decode("n", as: Int.self) == index + 1,
                                try row.decode("t", as: String.self) == String(repeating: letter, count: width)
                            else {
                                Issue.record("row \(index) of width \(width) is another one")
                                return
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}
