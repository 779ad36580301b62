import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The exclusive use of a database file by one object in one process: an `flock` on `<path>.lock`, which the system
/// releases when the process ends in whatever way. The lock file itself stays: removing it would race with the next opener.
final class FileLock: Sendable {
    private let descriptor: Mutex<Int32?>

    /// Makes the folder if it does not exist, and takes the lock without waiting.
    init(for path: String) throws(DatabaseError) {
        try Self.makeFolder(of: path)
        let descriptor = open("\(path).lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.unwritable("\(path).lock") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            guard errno == EWOULDBLOCK else {
                close(descriptor)
                throw DatabaseError(.unavailable, "\(path).lock cannot be locked: its file system offers no locks; choose another path")
            }
            let holder = Self.content(of: descriptor)
            close(descriptor)
            throw DatabaseError(.busy, "\(path) is in use by process \(holder); stop that process or choose another path")
        }
        self.descriptor = Mutex(descriptor)
        // For the message above only; whether it succeeds does not matter.
        var process = "\(getpid())"
        ftruncate(descriptor, 0)
        _ = process.withUTF8 { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    }

    /// A second call does nothing.
    func release() {
        descriptor.withLock { descriptor in
            if let open = descriptor {
                // Closing alone would not do while a program is being started: until it runs, it holds a copy of the descriptor.
                flock(open, LOCK_UN)
                close(open)
            }
            descriptor = nil
        }
    }

    deinit { release() }

    private static func content(of descriptor: Int32) -> String {
        let text = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { buffer in
            let count = pread(descriptor, buffer.baseAddress, buffer.count, 0)
            return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        }
        return text.isEmpty || !text.utf8.allSatisfy { (48...57).contains($0) } ? "?" : text
    }

    private static func makeFolder(of path: String) throws(DatabaseError) {
        var folder = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/").dropLast() {
            folder += part
            guard mkdir(folder, 0o700) == 0 || errno == EEXIST || isFolder(folder) else { throw unwritable(folder) }
            folder += "/"
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private static func unwritable(_ path: String) -> DatabaseError {
        let reason = String(cString: strerror(errno))
        return DatabaseError(.unavailable, "cannot make \(path): \(reason); make its folder writable or choose another path")
    }
}
