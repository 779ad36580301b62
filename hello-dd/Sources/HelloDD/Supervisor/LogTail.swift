#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Reads a log file from near its end, and on as it grows, over the change to a new file when it is rotated.
struct LogTail: Sendable {
    let path: String
    private var offset: Int64 = 0
    private var inode: UInt64 = 0
    private var splitter = LineSplitter()

    init(path: String) { self.path = path }

    /// The last `count` lines; what comes after them is what `next()` returns. Looks into the rotated file where one is not enough.
    mutating func last(_ count: Int) -> [[UInt8]] {
        guard let info = Files.info(path) else { return [] }
        inode = info.inode
        offset = info.size
        let bytes = Self.end(of: path, upTo: info.size, lines: count)
        var lines = splitter.append(bytes)
        if lines.count < count, let older = Files.info(path + ".1") {
            var other = LineSplitter()
            lines = other.append(Self.end(of: path + ".1", upTo: older.size, lines: count - lines.count)) + lines
        }
        return lines.suffix(count)
    }

    /// Lines that were completed since the last call.
    mutating func next() -> [[UInt8]] {
        guard let info = Files.info(path) else { return [] }
        var lines: [[UInt8]] = []
        if info.inode != inode || info.size < offset {
            if inode != 0, Files.info(path + ".1")?.inode == inode { lines += read(path + ".1") }
            inode = info.inode
            offset = 0
        }
        return lines + read(path)
    }

    private mutating func read(_ path: String) -> [[UInt8]] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        lseek(descriptor, off_t(offset), SEEK_SET)
        var lines: [[UInt8]] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        // 4 MiB a turn, so that memory stays bounded with a service that logs faster than it is read.
        for _ in 0..<64 {
            let count = SystemCall.read(descriptor, &buffer, buffer.count)
            guard count > 0 else { break }
            offset += Int64(count)
            lines += splitter.append(buffer[..<count])
        }
        return lines
    }

    /// The part of the file that holds its last `lines` lines, at most 4 MiB, from the beginning of a line.
    private static func end(of path: String, upTo size: Int64, lines: Int) -> ArraySlice<UInt8> {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var start = size
        while start > 0, bytes.count < 4 << 20 {
            let length = min(start, 65_536)
            start -= length
            lseek(descriptor, off_t(start), SEEK_SET)
            var chunk = [UInt8](repeating: 0, count: Int(length))
            let count = SystemCall.read(descriptor, &chunk, Int(length))
            guard count > 0 else { break }
            bytes = chunk.prefix(count) + bytes
            if bytes.count(where: { $0 == UInt8(ascii: "\n") }) > lines { break }
        }
        guard start > 0, let first = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return bytes[...] }
        return bytes[(first + 1)...]
    }
}
