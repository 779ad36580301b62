#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// System calls with their nuisances (EINTR, partial writes) taken care of.
enum SystemCall {
    /// The text for an error number, by default of the call that failed last on this thread.
    static func reason(_ number: Int32 = errno) -> String { String(cString: strerror(number)) }

    static var ownProcess: Int32 { getpid() }
    static let terminateSignal = SIGTERM
    static let killSignal = SIGKILL

    /// A reader that has gone is then an error of the write, not the end of this process.
    static func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }

    /// Like `read(2)`: the count, 0 at the end, negative on error.
    static func read(_ descriptor: Int32, _ buffer: inout [UInt8], _ limit: Int) -> Int {
        while true {
            let count = buffer.withUnsafeMutableBytes { systemRead(descriptor, $0.baseAddress, min(limit, $0.count)) }
            if count >= 0 || errno != EINTR { return count }
        }
    }

    /// Whether everything was written.
    @discardableResult
    static func writeAll(_ descriptor: Int32, _ bytes: ArraySlice<UInt8>) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { systemWrite(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                guard errno == EINTR else { return false }
                continue
            }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// What this process was given to hold beside its three streams goes no further: a background process that kept a script's pipe
    /// open would keep the script waiting.
    static func keepInheritedDescriptors() {
        for descriptor in Int32(3)..<256 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    }

    /// Makes this process another program, with more in its environment. Returns only if that fails, with the reason.
    static func become(_ program: String, _ arguments: [String], with environment: [String: String]) -> CommandFailure {
        for (name, value) in environment { setenv(name, value, 1) }
        var argv = ([program] + arguments).map { strdup($0) } + [nil]
        execv(program, &argv)
        let failure = CommandFailure("\(program): \(reason())")
        for pointer in argv { free(pointer) }
        return failure
    }

    /// A pipe whose ends no other program inherits, both numbered 10 or more: below that stand the numbers that a child is given.
    static func pipe() -> (read: Int32, write: Int32)? {
        var ends: [Int32] = [-1, -1]
        guard systemPipe(&ends) == 0 else { return nil }
        let moved = ends.map { fcntl($0, F_DUPFD_CLOEXEC, 10) }
        for end in ends { close(end) }
        guard moved.allSatisfy({ $0 >= 0 }) else {
            for end in moved where end >= 0 { close(end) }
            return nil
        }
        return (moved[0], moved[1])
    }

    /// Runs `body` on a thread of its own: for calls that block as long as a process lives, which the cooperative pool must not.
    static func detachThread(_ body: @escaping @Sendable () -> Void) {
        let box = Unmanaged.passRetained(ThreadBody(body))
        #if canImport(Darwin)
        var thread: pthread_t?
        #else
        var thread = pthread_t()
        #endif
        let result = pthread_create(
            &thread, nil,
            { argument in
                #if canImport(Darwin)
                Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().body()
                #else
                if let argument { Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().body() }
                #endif
                return nil
            }, box.toOpaque())
        precondition(result == 0, "no thread could be made: \(reason(result))")
        #if canImport(Darwin)
        if let thread { pthread_detach(thread) }
        #else
        pthread_detach(thread)
        #endif
    }

    private final class ThreadBody: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}

// The global functions, under names that the methods above do not hide.
private func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int { read(descriptor, buffer, count) }
private func systemWrite(_ descriptor: Int32, _ buffer: UnsafeRawPointer?, _ count: Int) -> Int { write(descriptor, buffer, count) }
private func systemPipe(_ ends: inout [Int32]) -> Int32 { pipe(&ends) }
