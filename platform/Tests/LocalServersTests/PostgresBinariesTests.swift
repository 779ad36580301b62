import FoundationEssentials
import TestKit
import Testing

@testable import LocalServers

/// Machines are folders with stand-ins for PostgreSQL's programs.
@Suite struct PostgresBinariesTests {
    private func install(_ folder: String, version: String = "15.4", programs: [String] = PostgresBinaries.needed) async throws {
        for program in programs {
            let script = "mkdir -p \"$0\" && printf '#!/bin/sh\\necho \"postgres (PostgreSQL) %s\"\\n' \"$1\" > \"$0/$2\" && chmod 755 \"$0/$2\""
            let written = try await runCommand("/bin/sh", ["-c", script, folder, version, program])
            #expect(written.code == 0, "\(written.errors)")
        }
    }

    @Test("the folder that POSTGRES_BIN names wins, and must hold what is needed")
    func variable() async throws {
        try await withTemporaryFolder { root in
            try await install("\(root)/own", version: "16.1")
            try await install("\(root)/path")
            let found = try await PostgresBinaries.find(environment: ["POSTGRES_BIN": "\(root)/own", "PATH": "\(root)/path"])
            #expect(found == PostgresBinaries(folder: "\(root)/own", version: 16))
            try await install("\(root)/half", programs: ["postgres"])
            let error = await #expect(throws: LocalServerError.self) {
                try await PostgresBinaries.find(environment: ["POSTGRES_BIN": "\(root)/half"])
            }
            #expect(error?.code == .notInstalled)
            #expect(error?.description.hasPrefix("POSTGRES_BIN is \(root)/half, but 'initdb' is not there: install PostgreSQL's server") == true)
        }
    }

    @Test("places are asked in turn: the path, what pg_config says, Debian's, the newest first, Homebrew's")
    func places() async throws {
        try await withTemporaryFolder { root in
            for place in [
                "/usr/lib/postgresql/9.6/bin", "/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/16/bin", "/opt/homebrew/opt/postgresql@17/bin",
            ] {
                try await install(root + place)
            }
            try await install("\(root)/usr/lib/postgresql/17/bin", programs: ["psql"])
            try await install("\(root)/somewhere/bin")
            let tool = "mkdir -p \"$0\" && printf '#!/bin/sh\\necho /somewhere/bin\\n' > \"$0/pg_config\" && chmod 755 \"$0/pg_config\""
            #expect(try await runCommand("/bin/sh", ["-c", tool, "\(root)/tools"]).code == 0)
            // Links to two of the programs, as some put them on the path; the rest stands where they lead.
            try await install("\(root)/real/bin")
            let links = "mkdir -p \"$0/path\" && ln -s \"$0/real/bin/postgres\" \"$0/real/bin/initdb\" \"$0/path\""
            #expect(try await runCommand("/bin/sh", ["-c", links, root]).code == 0)
            let found = await PostgresBinaries.candidates(environment: ["PATH": "/tools:/path:/nowhere"], root: root)
            let real = try #require(System.realPath(root))
            #expect(
                found.map { $0.replacing(real, with: "") } == [
                    "/real/bin", "/somewhere/bin", "/usr/lib/postgresql/16/bin", "/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/9.6/bin",
                    "/opt/homebrew/opt/postgresql@17/bin",
                ])
        }
    }

    @Test("data is opened with its own version, or the error names both")
    func versions() async throws {
        try await withTemporaryFolder { root in
            try await install("\(root)/new", version: "17beta1")
            let only = ["POSTGRES_BIN": "\(root)/new"]
            #expect(try await PostgresBinaries.find(version: 17, environment: only).version == 17)
            let error = await #expect(throws: LocalServerError.self) { try await PostgresBinaries.find(version: 15, environment: only) }
            #expect(error?.code == .otherVersion)
            #expect(error?.description == "the data was written by PostgreSQL 15, and installed is 17: install 15, or remove the data")
        }
    }

    @Test("without PostgreSQL the error says what to install, and nothing was written")
    func absent() async throws {
        try await withTemporaryFolder { folder in
            var options = LocalPostgres.Options()
            options.environment = ["POSTGRES_BIN": "\(folder)/nowhere", "TMPDIR": folder]
            let error = await #expect(throws: LocalServerError.self) { try await LocalPostgres.start(options) }
            #expect(error?.code == .notInstalled)
            #expect(error?.description.contains("apt-get install postgresql") == true)
            let left = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(left == [])
        }
    }

    @Test(
        "the version is the first number of what postgres says",
        arguments: [("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", 15), ("postgres (PostgreSQL) 18devel", 18), ("15\n", 15)])
    func version(text: String, major: Int) {
        #expect(PostgresBinaries.major(in: text) == major)
        #expect(PostgresBinaries.major(in: "bash: not found") == nil)
    }
}
