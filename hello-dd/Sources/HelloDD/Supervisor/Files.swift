internal import FoundationEssentials

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Small files, read and written whole.
enum Files {
    /// At most `limit` bytes of a file that may say it is empty, as those in `/proc` do; nil if it cannot be read.
    static func read(_ path: String, limit: Int) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: min(limit, 65536))
        while bytes.count < limit {
            let count = SystemCall.read(descriptor, &chunk, min(chunk.count, limit - bytes.count))
            guard count > 0 else { break }
            bytes += chunk.prefix(count)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Replaces the file by one rename, so that a reader sees the old text or the new one and nothing between.
    static func replace(_ path: String, with bytes: [UInt8]) throws(CommandFailure) {
        let temporary = path + ".new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw CommandFailure("cannot write \(temporary): \(SystemCall.reason())") }
        let written = SystemCall.writeAll(descriptor, bytes[...])
        let reason = SystemCall.reason()
        close(descriptor)
        guard written, rename(temporary, path) == 0 else { throw CommandFailure("cannot write \(path): \(written ? SystemCall.reason() : reason)") }
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    static func isExecutable(_ path: String) -> Bool {
        var info = stat()
        return stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
    }

    /// Makes the folder and those above it, for this user only.
    static func makeFolder(_ path: String) throws(CommandFailure) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw CommandFailure("cannot create the folder \(path): \(SystemCall.reason()); choose another with --data DIR")
        }
        guard access(path, W_OK | X_OK) == 0 else {
            throw CommandFailure("the folder \(path) is not writable: \(SystemCall.reason()); choose another with --data DIR")
        }
    }

    /// A new empty folder among the system's temporary ones.
    static func makeTemporaryFolder() throws(CommandFailure) -> String {
        let parent = Environment.value("TMPDIR") ?? "/tmp"
        var template = Array("\(parent)/hello-dd-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw CommandFailure("cannot create a temporary folder in \(parent): \(SystemCall.reason())") }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    static func removeTree(_ path: String) { try? FileManager.default.removeItem(atPath: path) }

    static func list(_ folder: String) -> [String] { (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] }

    /// The last change of the file's content, seconds since 1970, and its size in bytes.
    static func info(_ path: String) -> (modified: Int64, size: Int64, inode: UInt64)? {
        var info = stat()
        guard stat(path, &info) == 0 else { return nil }
        #if canImport(Darwin)
        return (Int64(info.st_mtimespec.tv_sec), Int64(info.st_size), UInt64(info.st_ino))
        #else
        return (Int64(info.st_mtim.tv_sec), Int64(info.st_size), UInt64(info.st_ino))
        #endif
    }
}
