internal import Processes

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A program that this one starts: its output goes to a file, and it is told to end when nobody holds it any more.
final class Child: Sendable {
    let pid: pid_t
    let output: String

    /// - Parameter output: path of the file that gets both its outputs.
    init(_ words: [String], environment: [String: String], output: String) throws {
        let file = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw BenchError("\(output) cannot be written: \(String(cString: strerror(errno)))") }
        defer { close(file) }
        let pid = try spawn(words[0], Array(words.dropFirst()), environment: environment, descriptors: [1: file, 2: file], inOwnGroup: false)
        self.pid = pid
        self.output = output
    }

    func stop() { kill(pid, SIGTERM) }

    /// Waits for its end, without holding a thread of the pool.
    /// - Returns: its exit code; 128 and the signal's number if it was killed.
    func end() async throws -> Int32 {
        while true {
            var status: Int32 = 0
            if waitpid(pid, &status, WNOHANG) == pid { return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// What it has written.
    var text: String {
        guard let file = fopen(output, "r") else { return "" }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }
}

struct BenchError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
