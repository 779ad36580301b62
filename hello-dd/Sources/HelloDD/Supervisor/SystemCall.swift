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
}

// The global functions, under names that the methods above do not hide.
private func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int { read(descriptor, buffer, count) }
private func systemWrite(_ descriptor: Int32, _ buffer: UnsafeRawPointer?, _ count: Int) -> Int { write(descriptor, buffer, count) }
