import Foundation
import Processes

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A program that runs beside a test until it is stopped.
public final class SpawnedProgram: Sendable {
    private let pid: pid_t
    /// Where its standard output and error go.
    public let log: String

    /// - Parameter log: a file; appended to.
    public init(_ program: String, _ arguments: [String] = [], environment: [String: String], log: String) throws {
        self.log = log
        let output = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard output >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        defer { close(output) }
        pid = try spawn(program, arguments, environment: environment, descriptors: [1: output, 2: output], inOwnGroup: false)
    }

    /// Sends a signal, and waits on a thread of its own until the program has ended.
    public func stop(_ signal: Int32) async {
        let pid = pid
        kill(pid, signal)
        await withCheckedContinuation { continuation in
            detachThread {
                _ = waitForEnd(of: pid)
                continuation.resume()
            }
        }
    }
}
