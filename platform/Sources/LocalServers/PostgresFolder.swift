#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// What stands in a server's folder.
struct PostgresFolder: Hashable, Sendable {
    /// Absolute, without links.
    let path: String
    let isTemporary: Bool

    var data: String { "\(path)/data" }
    /// Where `initdb` works; named `data` when it has finished, so that there is a whole cluster or none.
    var unfinishedData: String { "\(path)/data.new" }
    var passwords: String { "\(path)/pgpass" }
    var log: String { "\(path)/server.log" }
    var certificate: String { "\(path)/server.crt" }
    var key: String { "\(path)/server.key" }
    var processFile: String { "\(data)/postmaster.pid" }

    /// The version that wrote the data; nil if there is none yet.
    var version: Int? { System.read("\(data)/PG_VERSION").flatMap { PostgresBinaries.major(in: $0) } }

    /// What the server says about itself, in `postmaster.pid`: its process on line 1, its port on line 4, and on line 8 whether it
    /// takes connections. `pg_ctl --wait` reads the same.
    struct Status: Hashable, Sendable {
        let pid: pid_t
        let port: Int?
        let isReady: Bool

        init?(_ text: String) {
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0).trimmed }
            guard let first = lines.first, let pid = pid_t(first), pid > 0 else { return nil }
            self.pid = pid
            port = lines.count > 3 ? Int(lines[3]) : nil
            isReady = lines.count > 7 && lines[7] == "ready"
        }
    }

    var status: Status? { System.read(processFile).flatMap(Status.init) }

    /// The superuser's password, last on the file's one line.
    var password: String? {
        System.read(passwords).flatMap { $0.trimmed.split(separator: ":").last.map { String($0) } }
    }

    /// 128 bits, as text that needs no quotes anywhere.
    static func makePassword() -> String {
        (0..<4).map { _ in
            let digits = String(UInt32.random(in: 0...UInt32.max), radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }
        .joined()
    }

    /// Removes what a crashed server left, so that its successor does not take another process with the same number for it.
    /// Waits for one that is just ending: its process was told to when its owner died.
    ///
    /// - Throws: `inUse` if a server runs on the folder.
    func clear(within patience: Duration) async throws(LocalServerError) {
        let end = ContinuousClock.now + patience
        while let status {
            guard let program = ProcessTable.program(of: status.pid), program.contains("postgres") || program.contains("postmaster") else {
                _ = unlink(processFile)
                return
            }
            guard ContinuousClock.now < end else {
                throw LocalServerError(
                    .inUse, "another PostgreSQL server (pid \(status.pid)) runs on \(path): stop it, or choose another folder")
            }
            do { try await Task.sleep(for: .milliseconds(50)) } catch { throw LocalServerError(.timeout, "given up") }
        }
    }

    /// The end of what the server logged from `offset` on, for people: the last lines, without their time.
    func lastLines(from offset: Int, count: Int = 5) -> String {
        let lines = (System.read(log, from: offset) ?? "").split(separator: "\n")
        return lines.suffix(count).joined(separator: "\n")
    }
}
