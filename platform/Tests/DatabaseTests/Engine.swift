import Database
import Foundation
import Synchronization
import Testing

/// The engines that the contract's tests run against.
enum Engine: String, CaseIterable, Sendable {
    case sqlite

    /// Gives `body` an empty store, and removes it afterwards.
    func withStore<T>(_ body: (Store) async throws -> T) async throws -> T {
        let store = Store(engine: self, folder: FileManager.default.temporaryDirectory.path + "/database-tests-\(UUID().uuidString)")
        do {
            let result = try await body(store)
            await store.close()
            return result
        } catch {
            await store.close()
            throw error
        }
    }

    /// Gives `body` an open, empty database.
    func withDatabase<T>(waiterLimit: Int = 1024, _ body: (Opened) async throws -> T) async throws -> T {
        try await withStore { store in try await body(try store.open(waiterLimit: waiterLimit)) }
    }
}

/// A place that keeps data between one opening and the next.
final class Store: Sendable {
    let engine: Engine
    let folder: String
    private let opened = Mutex<[SQLiteDatabase]>([])

    init(engine: Engine, folder: String) {
        self.engine = engine
        self.folder = folder
    }

    var path: String { folder + "/test.sqlite" }

    func open(waiterLimit: Int = 1024) throws -> Opened {
        var options = SQLiteDatabase.Options()
        options.waiterLimit = waiterLimit
        return Opened(try open(options))
    }

    func open(_ options: SQLiteDatabase.Options) throws -> SQLiteDatabase {
        let database = try SQLiteDatabase(path: path, options: options)
        opened.withLock { $0.append(database) }
        return database
    }

    func close() async {
        for database in opened.withLock({ $0 }) { await database.shutdown() }
        try? FileManager.default.removeItem(atPath: folder)
    }
}

/// A database, and what a test may know about the engine's inside.
struct Opened: Sendable {
    let database: any Database
    private let waiting: @Sendable () -> Int

    init(_ database: SQLiteDatabase) {
        self.database = database
        waiting = { database.statistics.waitingForWriter }
    }

    /// Returns when `count` callers wait for the right to write.
    func untilWaiting(_ count: Int) async {
        while waiting() < count { await Task.yield() }
    }
}

/// Something that happens once, and that tasks wait for whatever becomes of them.
final class Event: Sendable {
    private struct State {
        var hasHappened = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    var hasHappened: Bool { state.withLock { $0.hasHappened } }

    func happen() {
        let waiters = state.withLock { state in
            state.hasHappened = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if !state.hasHappened { state.waiters.append(continuation) }
                return state.hasHappened
            }
            if isOver { continuation.resume() }
        }
    }
}

struct Refusal: Error, Equatable {}

/// The code of the database error that `body` throws; nil if it throws none.
func code(_ body: () async throws -> Void) async throws -> DatabaseError.Code? {
    do {
        try await body()
        return nil
    } catch let error as DatabaseError {
        return error.code
    }
}

/// Expects that `body` throws a database error with this code.
///
/// A function, because the compiler does not see a `try` that stands only inside of `#expect` when it infers a closure's type.
func expect(
    _ expected: DatabaseError.Code, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
) async throws {
    let found = try await code(body)
    #expect(found == expected, sourceLocation: sourceLocation)
}

extension SQLRunner {
    func count(_ table: String) async throws -> Int {
        try await query("SELECT count(*) FROM \(raw: table)")[0].decode(0)
    }
}
