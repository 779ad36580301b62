internal import FoundationEssentials
internal import Processes

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// System calls, with what is tiresome about them taken care of.
enum System {
    static var isRoot: Bool { geteuid() == 0 }

    static func reason(_ number: Int32 = errno) -> String { String(cString: strerror(number)) }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    static func isExecutable(_ path: String) -> Bool {
        var info = stat()
        return stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
    }

    /// The user that the file belongs to; nil if there is none.
    static func owner(of path: String) -> uid_t? {
        var info = stat()
        return stat(path, &info) == 0 ? info.st_uid : nil
    }

    static func size(of path: String) -> Int {
        var info = stat()
        return stat(path, &info) == 0 ? Int(info.st_size) : 0
    }

    /// Absolute, links and dots resolved; nil where nothing is.
    static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// At most 64 KiB of a small file, from `offset` on; nil if it cannot be read. Files in `/proc` say that they are empty and are not.
    static func read(_ path: String, from offset: Int = 0) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while bytes.count < 65_536 {
            let count = pread(descriptor, &chunk, chunk.count, off_t(offset + bytes.count))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            bytes += chunk.prefix(count)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Writes a new file that only its owner can read, and gives it to `owner` before anything is in it.
    static func write(_ text: String, to path: String, owner: ServerUser?) throws(LocalServerError) {
        _ = unlink(path)
        let descriptor = openFile(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC)
        guard descriptor >= 0 else { throw LocalServerError(.folder, "cannot write \(path): \(reason())") }
        defer { close(descriptor) }
        if let owner { _ = fchown(descriptor, owner.uid, owner.gid) }
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { systemWrite(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw LocalServerError(.folder, "cannot write \(path): \(reason())") }
            bytes = bytes.dropFirst(count)
        }
    }

    /// Makes the folder and those above it that are not there.
    static func makeFolder(_ path: String) throws(LocalServerError) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw LocalServerError(.folder, "cannot create the folder \(path): \(reason())")
        }
    }

    /// A new empty folder among the system's temporary ones, its path without links.
    static func makeTemporaryFolder(_ name: String, environment: [String: String]) throws(LocalServerError) -> String {
        let parent = environment["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
        var template = Array("\(realPath(parent) ?? parent)/\(name)-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw LocalServerError(.folder, "cannot create a temporary folder in \(parent): \(reason())") }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    static func removeTree(_ path: String) { try? FileManager.default.removeItem(atPath: path) }

    static func list(_ folder: String) -> [String] { (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] }

    /// Opens a log to append to. One that has grown beyond `limit` bytes becomes `NAME.1`, replacing the one before.
    static func openLog(_ path: String, limit: Int = 10 << 20) throws(LocalServerError) -> Int32 {
        if size(of: path) > limit { _ = rename(path, path + ".1") }
        // Numbered 10 or more: below that stand the numbers that a child is given.
        let descriptor = openFile(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC)
        guard descriptor >= 0 else { throw LocalServerError(.folder, "cannot write \(path): \(reason())") }
        defer { close(descriptor) }
        return fcntl(descriptor, F_DUPFD_CLOEXEC, 10)
    }

    static func pipe() throws(LocalServerError) -> (read: Int32, write: Int32) {
        guard let ends = makePipe() else { throw LocalServerError(.failed, "no pipe: \(reason())") }
        return ends
    }
}

// The global functions, under names that the methods above do not hide.
private func openFile(_ path: String, _ flags: Int32) -> Int32 { open(path, flags, 0o600) }
private func systemWrite(_ descriptor: Int32, _ buffer: UnsafeRawPointer?, _ count: Int) -> Int { write(descriptor, buffer, count) }
