import Foundation
import Testing

@testable import HelloDD

struct RunStateTests {
    private static let state = RunState(
        supervisor: ProcessIdentity(pid: 42, startTicks: 1234), startedAt: "2026-11-24T06:00:00Z", host: "127.0.0.1",
        services: [
            RunState.Record(
                service: .inventory, state: .ready, port: 8001, process: ProcessIdentity(pid: 43, startTicks: 1240),
                startedAt: "2026-11-24T06:00:01Z",
                restarts: 2, lastExit: "signal 9, killed")
        ])

    @Test("what was written is what is read")
    func roundTrip() throws {
        #expect(RunState(json: String(decoding: try Self.state.encoded(), as: UTF8.self)) == Self.state)
    }

    @Test("status tells the engine, and a server of the shop's own with its process")
    func engine() throws {
        let folder = RunFolder(path: "data")
        #expect(StatusReport.Engine(Self.state, folder: folder).line == "database: SQLite, a file for each service")
        var state = Self.state
        let own = try #require(ProcessIdentity(of: getpid()))
        state.databases = RunState.Databases(
            place: "127.0.0.1:5432", urls: ["api-gateway": "postgres://orders@127.0.0.1:5432/orders"], isOwnServer: true, process: own)
        #expect(RunState(json: String(decoding: try state.encoded(), as: UTF8.self)) == state)
        let server = StatusReport.Engine(state, folder: folder)
        #expect(server.line == "database: PostgreSQL at 127.0.0.1:5432, a server of the shop's own (pid \(own.pid))")
        state.databases?.isOwnServer = false
        #expect(StatusReport.Engine(state, folder: folder).line == "database: PostgreSQL at 127.0.0.1:5432")
    }

    @Test("a damaged file is no state", arguments: ["", "{", "[]", "{\"supervisor\": 1}"])
    func damaged(text: String) {
        #expect(RunState(json: text) == nil)
    }

    @Test("a process with the same number that started at another time is another process")
    func reusedNumber() throws {
        let own = try #require(ProcessIdentity(of: getpid()))
        #expect(own.isAlive)
        #expect(!ProcessIdentity(pid: own.pid, startTicks: (own.startTicks ?? 0) + 1).isAlive)
        #expect(ProcessIdentity(of: 0x3FFF_FFFF) == nil)
    }

    @Test("the fields of /proc/PID/stat are found behind a name with spaces and parentheses")
    func statFields() {
        let rest = (1...18).map(String.init).joined(separator: " ")
        let parsed = ProcessIdentity.parse(stat: "7 (a) b (c) S \(rest) 987654 0 0")
        #expect(parsed?.startTicks == 987_654)
        #expect(parsed?.isZombie == false)
        #expect(ProcessIdentity.parse(stat: "7 (x) Z \(rest) 1 0")?.isZombie == true)
        #expect(ProcessIdentity.parse(stat: "7 (x) S 1 2") == nil)
        #expect(ProcessIdentity.parse(stat: "") == nil)
    }

    @Test("a second holder of the folder is refused, and told what to do; a third is not, when the first has let go")
    func lock() throws {
        let path = try Files.makeTemporaryFolder()
        defer { Files.removeTree(path) }
        let folder = RunFolder(path: path)
        func hold(_ body: () -> Void) throws {
            let lock = try RunLock(folder)
            body()
            withExtendedLifetime(lock) {}
        }
        try hold {
            let failure = #expect(throws: CommandFailure.self) { try hold {} }
            #expect(failure?.description.contains("down --data \(path)") == true)
        }
        try hold {}
    }

    @Test("words for a shell are quoted when they must be", arguments: [("/a/b-c", "/a/b-c"), ("a b", "'a b'"), ("it's", "'it'\\''s'"), ("", "''")])
    func quoting(word: String, quoted: String) {
        #expect(RunFolder.quoted(word) == quoted)
    }
}
