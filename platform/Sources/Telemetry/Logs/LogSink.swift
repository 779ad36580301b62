internal import Basics
internal import Synchronization

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// Where finished log lines go.
public protocol LogSink: Sendable {
    /// Takes one record: UTF-8, with the line feed at its end and no other in it. Called from any thread, also concurrently.
    func write(_ line: [UInt8])
}

/// Writes each line to a file descriptor with one `write(2)`, so that lines of different threads never mix.
///
/// The lock is needed besides: a pipe keeps only writes of up to `PIPE_BUF` (4 KiB on Linux) in one piece. A write waits for a slow
/// reader, as standard output does everywhere; a line that a non-blocking descriptor does not take in time, or that meets an error
/// (a closed pipe, where SIGPIPE is ignored; a full disk), is dropped and counted: logging never fails a request.
public final class FileDescriptorSink: LogSink {
    /// The process' standard output; one instance, since the lock is per instance.
    public static let standardOutput = FileDescriptorSink(STDOUT_FILENO)

    private struct State {
        var dropped: Int64 = 0
        /// The last line was cut off in the middle: the next one must not continue it.
        var endsMidLine = false
    }

    private let descriptor: Int32
    private let patience: Int32
    private let state = Mutex(State())

    /// - Parameters:
    ///   - descriptor: Stays the caller's: it is not closed here.
    ///   - patience: How long a non-blocking descriptor may be full. A second is long enough for a terminal that scrolls, and short
    ///     enough for the thread that waits.
    public init(_ descriptor: Int32, patience: Duration = .seconds(1)) {
        self.descriptor = descriptor
        self.patience = Int32(clamping: patience.milliseconds)
    }

    /// Lines lost since the start.
    public var droppedLines: Int64 { state.withLock { $0.dropped } }

    public func write(_ line: [UInt8]) {
        state.withLock { state in
            let written = put(state.endsMidLine ? [UInt8(ascii: "\n")] + line : line)
            if written.complete { state.endsMidLine = false } else { state.dropped += 1 }
            if !written.complete && written.some { state.endsMidLine = true }
        }
    }

    private func put(_ line: [UInt8]) -> (complete: Bool, some: Bool) {
        line.withUnsafeBytes { bytes in
            var start = 0
            while start < bytes.count {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
                #if canImport(Glibc)
                let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                #elseif canImport(Musl)
                let count = Musl.write(descriptor, rest.baseAddress, rest.count)
                #elseif canImport(Darwin)
                let count = Darwin.write(descriptor, rest.baseAddress, rest.count)
                #endif
                if count >= 0 {
                    start += count
                } else if errno == EAGAIN {
                    var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    guard poll(&waiting, 1, patience) > 0 else { return (false, start > 0) }
                } else if errno != EINTR {
                    return (false, start > 0)
                }
            }
            return (true, true)
        }
    }
}
