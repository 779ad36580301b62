#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The data folder, and what the supervisor keeps in it beside the services' own files.
struct RunFolder: Hashable, Sendable {
    static let defaultPath = ".hello-dd"

    /// As given; relative to the current folder unless it begins with a slash.
    let path: String

    var stateFile: String { "\(path)/run.json" }
    var lockFile: String { "\(path)/run.lock" }
    var logs: String { "\(path)/logs" }
    var keys: String { "\(path)/keys" }
    /// The shop's own PostgreSQL server's.
    var postgres: String { "\(path)/postgres" }
    /// And its Redis server's.
    var redis: String { "\(path)/redis" }
    /// What `up --detach` would have shown.
    var supervisorLog: String { "\(logs)/up.log" }

    func log(of service: Service) -> String { "\(logs)/\(service.name).log" }

    /// Makes the folders that are not there yet.
    func prepare() throws(CommandFailure) {
        try Files.makeFolder(path)
        try Files.makeFolder(logs)
    }

    /// What the supervisor last wrote; nil if there is none, or it cannot be read: then nothing is known.
    func state() -> RunState? {
        // 64 KiB: three records are under 2 KiB.
        Files.read(stateFile, limit: 65_536).flatMap(RunState.init(json:))
    }

    /// The state of a supervisor that runs now; nil if none does.
    func running() -> RunState? { state().flatMap { $0.supervisor.isAlive ? $0 : nil } }

    func write(_ state: RunState) throws {
        try Files.replace(stateFile, with: try state.encoded())
    }

    func removeState() { _ = unlink(stateFile) }

    /// The services as shell arguments that name this folder, empty for the usual one: `hello-dd status\(folder.option)`.
    var option: String { path == Self.defaultPath ? "" : " --data \(Self.quoted(path))" }

    /// As one word for a shell.
    static func quoted(_ word: String) -> String {
        let isPlain =
            !word.isEmpty
            && word.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || "/._-+,:@%".utf8.contains(byte)
            }
        return isPlain ? word : "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}

/// The right to run the shop on a data folder: held until the process ends, however it ends, because the kernel keeps it.
struct RunLock: ~Copyable {
    private let descriptor: Int32

    /// Throws a line for people if another process holds it.
    init(_ folder: RunFolder) throws(CommandFailure) {
        descriptor = openLock(folder.lockFile)
        guard descriptor >= 0 else {
            throw CommandFailure("cannot write \(folder.lockFile): \(SystemCall.reason()); choose another folder with --data DIR")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            let pid = folder.running().map { " (pid \($0.supervisor.pid))" } ?? ""
            let command = Environment.command
            throw CommandFailure(
                "already running\(pid); `\(command) status\(folder.option)` shows it, `\(command) down\(folder.option)` stops it")
        }
    }

    deinit { close(descriptor) }
}

private func openLock(_ path: String) -> Int32 { open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600) }
