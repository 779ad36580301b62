import CSQLite
import Synchronization

/// A disk that fails on demand: SQLite's usual interface, whose write-ahead logs can be told to refuse writing or flushing.
enum FaultyDisk {
    enum Fault { case writing, flushing }

    private struct File {
        let path: String
        let original: sqlite3_io_methods
    }

    private struct State: @unchecked Sendable {
        var faults: [String: Fault] = [:]
        var files: [UnsafeMutablePointer<sqlite3_file>: File] = [:]
    }

    private static let state = Mutex(State())

    /// Lets the log of the database at `path` fail from now on; nil mends it.
    static func set(_ fault: Fault?, for path: String) {
        state.withLock { $0.faults[path + "-wal"] = fault }
    }

    /// The name under which SQLite knows it.
    static let name: String = {
        let name = "faulty"
        let vfs = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
        vfs.initialize(to: sqlite3_vfs_find(nil).pointee)
        // SQLite keeps the pointer, so neither is ever freed.
        let copy = UnsafeMutablePointer<CChar>.allocate(capacity: name.utf8.count + 1)
        for (index, byte) in (name.utf8.map { CChar($0) } + [0]).enumerated() { copy[index] = byte }
        vfs.pointee.zName = UnsafePointer(copy)
        vfs.pointee.xOpen = { _, path, file, flags, outFlags in
            guard let usual = sqlite3_vfs_find("unix"), let file else { return SQLITE_CANTOPEN }
            let code = usual.pointee.xOpen(usual, path, file, flags, outFlags)
            if code == SQLITE_OK, flags & SQLITE_OPEN_WAL != 0, let path { FaultyDisk.patch(file, String(cString: path)) }
            return code
        }
        precondition(sqlite3_vfs_register(vfs, 0) == SQLITE_OK)
        return name
    }()

    private static func patch(_ file: UnsafeMutablePointer<sqlite3_file>, _ path: String) {
        let original = file.pointee.pMethods.pointee
        let patched = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
        patched.initialize(to: original)
        patched.pointee.xWrite = { file, bytes, count, offset in
            FaultyDisk.fault(of: file) == .writing ? SQLITE_FULL : FaultyDisk.original(of: file).xWrite(file, bytes, count, offset)
        }
        patched.pointee.xSync = { file, flags in
            FaultyDisk.fault(of: file) == .flushing ? SQLITE_IOERR | (4 << 8) : FaultyDisk.original(of: file).xSync(file, flags)
        }
        state.withLock { $0.files[file] = File(path: path, original: original) }
        file.pointee.pMethods = UnsafePointer(patched)
    }

    private static func fault(of file: UnsafeMutablePointer<sqlite3_file>?) -> Fault? {
        state.withLock { state in file.flatMap { state.files[$0] }.flatMap { state.faults[$0.path] } }
    }

    private static func original(of file: UnsafeMutablePointer<sqlite3_file>?) -> sqlite3_io_methods {
        state.withLock { state in state.files[file!]!.original }
    }
}
