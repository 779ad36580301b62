#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A service's log on disk: appended to, and bounded. At `limit` bytes it becomes `NAME.1` (replacing the one before) and a new one
/// begins, so it takes twice the limit at most.
struct LogFile: ~Copyable {
    private let path: String
    private let limit: Int64
    private var descriptor: Int32
    private var size: Int64

    /// - Parameter limit: bytes. 10 MiB is about 50,000 lines: enough to look back at, and small enough to open in an editor.
    init(path: String, limit: Int64 = 10 << 20) throws(CommandFailure) {
        self.path = path
        self.limit = limit
        descriptor = Self.open(path)
        guard descriptor >= 0 else { throw CommandFailure("cannot write the log \(path): \(SystemCall.reason())") }
        size = Files.info(path)?.size ?? 0
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Appends the line and its end. A full disk loses the line: the service is worth more than its log.
    mutating func append(_ line: [UInt8]) {
        if size > 0, size + Int64(line.count) + 1 > limit { rotate() }
        guard descriptor >= 0 else { return }
        if SystemCall.writeAll(descriptor, (line + [UInt8(ascii: "\n")])[...]) { size += Int64(line.count) + 1 }
    }

    private mutating func rotate() {
        close(descriptor)
        _ = rename(path, path + ".1")
        descriptor = Self.open(path)
        size = 0
    }

    private static func open(_ path: String) -> Int32 {
        openFile(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC)
    }
}

private func openFile(_ path: String, _ flags: Int32) -> Int32 { open(path, flags, 0o600) }
