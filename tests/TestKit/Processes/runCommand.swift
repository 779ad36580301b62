import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// What a program left behind.
public struct CommandResult: Sendable {
    /// The exit code, or minus the number of the signal that ended it.
    public let code: Int32
    public let output: String
    public let errors: String
}

/// Runs a program to its end, with the test's environment and more.
///
/// Waits on a thread of its own, so that no thread of the concurrency pool blocks (there are as few as cores), and with `waitpid`, so
/// that it does not matter who else holds a descriptor of the program: a child that outlives it, for example.
public func runCommand(
    _ program: String, _ arguments: [String], environment: [String: String] = [:]
) async throws -> CommandResult {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread {
            continuation.resume(with: Result { try runCommandBlocking(program, arguments, environment: environment) })
        }
    }
}

/// The same on the calling thread: only for what ends in a moment.
public func runCommandBlocking(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws -> CommandResult {
    // Into files and not pipes: a pipe's end would be held by whatever outlives the program.
    let (output, errors) = (try Capture(), try Capture())
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output.descriptor, 1)
    posix_spawn_file_actions_adddup2(&actions, errors.descriptor, 2)
    var argv: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
    let merged = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    var envp: [UnsafeMutablePointer<CChar>?] = merged.map { strdup("\($0)=\($1)") } + [nil]
    defer { for pointer in argv + envp { free(pointer) } }
    var pid: pid_t = 0
    let failure = posix_spawnp(&pid, program, &actions, nil, &argv, &envp)
    guard failure == 0 else { throw POSIXError(POSIXErrorCode(rawValue: failure) ?? .EINVAL) }
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 { guard errno == EINTR else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .ECHILD) } }
    let signal = status & 0x7F
    return CommandResult(code: signal == 0 ? status >> 8 & 0xFF : -signal, output: try output.text(), errors: try errors.text())
}

/// A file without a name.
private final class Capture {
    let descriptor: Int32

    init() throws {
        var template = Array("\(FileManager.default.temporaryDirectory.path)/hello-dd-capture-XXXXXX".utf8CString)
        descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        // The child gets it as 1 or 2; nobody else should.
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        unlink(template)
    }

    deinit { close(descriptor) }

    func text() throws -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = pread(descriptor, &chunk, chunk.count, off_t(bytes.count))
            guard count >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(contentsOf: chunk.prefix(count))
        }
    }
}
