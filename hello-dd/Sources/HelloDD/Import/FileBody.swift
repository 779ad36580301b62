internal import HTTPPath
internal import NIOCore
internal import NIOPosix
internal import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A file, or the standard input, as a request's body: read piece by piece as the connection takes it, so that its length does not
/// matter for memory. Read once.
struct FileBody: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    /// How far the reading has come.
    final class Progress: Sendable {
        struct Count: Hashable, Sendable {
            var bytes: Int64 = 0
            var lines: Int64 = 0
        }

        private let state = Mutex(Count())

        var count: Count { state.withLock { $0 } }

        func add(_ piece: ArraySlice<UInt8>) {
            let lines = piece.count { $0 == UInt8(ascii: "\n") }
            state.withLock { count in
                count.bytes += Int64(piece.count)
                count.lines += Int64(lines)
            }
        }
    }

    private let descriptor: Int32
    private let onPiece: @Sendable (ArraySlice<UInt8>) -> Void
    let progress = Progress()
    /// Bytes; nil for a pipe.
    let size: Int64?

    /// - Parameters:
    ///   - path: `-` is the standard input.
    ///   - onPiece: sees each piece before it is sent, in order.
    init(path: String, onPiece: @escaping @Sendable (ArraySlice<UInt8>) -> Void = { _ in }) throws(CommandFailure) {
        self.onPiece = onPiece
        if path == "-" {
            descriptor = 0
            size = nil
            return
        }
        guard let info = Files.info(path) else { throw CommandFailure("cannot read \(path): \(SystemCall.reason())") }
        descriptor = openForReading(path)
        guard descriptor >= 0 else { throw CommandFailure("cannot read \(path): \(SystemCall.reason())") }
        size = info.size
    }

    func closeFile() { if descriptor > 0 { close(descriptor) } }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(descriptor: descriptor, progress: progress, onPiece: onPiece) }

    struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let descriptor: Int32
        fileprivate let progress: Progress
        fileprivate let onPiece: @Sendable (ArraySlice<UInt8>) -> Void

        mutating func next() async throws -> ByteBuffer? { try await next(isolation: nil) }

        mutating func next(isolation actor: isolated (any Actor)?) async throws(any Error) -> ByteBuffer? {
            let (descriptor, progress, onPiece) = (descriptor, progress, onPiece)
            // A read from a disk or a pipe blocks: not on the threads that everything else needs.
            return try await NIOThreadPool.singleton.runIfActive {
                var bytes = [UInt8](repeating: 0, count: 65_536)
                let count = SystemCall.read(descriptor, &bytes, bytes.count)
                guard count >= 0 else { throw CommandFailure("reading failed: \(SystemCall.reason())") }
                progress.add(bytes[..<count])
                onPiece(bytes[..<count])
                return count == 0 ? nil : ByteBuffer(bytes: bytes[..<count])
            }
        }
    }
}

private func openForReading(_ path: String) -> Int32 { open(path, O_RDONLY | O_CLOEXEC) }
