#if THREAD_SANITIZER
import Synchronization

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

// What the thread sanitizer cannot see into, put so that it can: a declaration in this module stands before one of the same name that is
// imported. Compiled only for `make test-tsan`.

/// In place of Synchronization's: on Linux that one is a futex, and whoever has to wait for it is woken by the kernel alone.
struct Mutex<Value>: ~Copyable, Sendable {
    private final class Storage: @unchecked Sendable {
        let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        var value: Value

        init(_ value: consuming sending Value) {
            self.value = value
            pthread_mutex_init(lock, nil)
        }

        deinit {
            pthread_mutex_destroy(lock)
            lock.deallocate()
        }
    }

    private let storage: Storage

    init(_ value: consuming sending Value) { storage = Storage(value) }

    borrowing func withLock<R, E: Error>(_ body: (inout sending Value) throws(E) -> sending R) throws(E) -> sending R {
        pthread_mutex_lock(storage.lock)
        defer { pthread_mutex_unlock(storage.lock) }
        return try body(&storage.value)
    }
}

/// In place of the standard library's, which says nothing to the sanitizer when it is resumed before anybody waits.
struct CheckedContinuation<T, E: Error>: Sendable {
    fileprivate let continuation: UnsafeContinuation<T, E>
    fileprivate let happened = HappensBefore()

    func resume(returning value: sending T) {
        happened.before()
        continuation.resume(returning: value)
    }

    func resume(throwing error: E) {
        happened.before()
        continuation.resume(throwing: error)
    }

    func resume() where T == Void { resume(returning: ()) }
}

func withCheckedContinuation<T>(
    isolation: isolated (any Actor)? = #isolation, _ body: (CheckedContinuation<T, Never>) -> Void
) async -> sending T {
    var happened: HappensBefore?
    let value = await withUnsafeContinuation(isolation: isolation) { (continuation: UnsafeContinuation<T, Never>) in
        let checked = CheckedContinuation(continuation: continuation)
        happened = checked.happened
        body(checked)
    }
    happened?.after()
    return value
}

/// What one thread did before is seen by whoever comes after: a lock is something that the sanitizer understands.
private final class HappensBefore: Sendable {
    private let mutex = Mutex(0)

    func before() { mutex.withLock { $0 += 1 } }
    func after() { mutex.withLock { $0 += 1 } }
}
#endif
