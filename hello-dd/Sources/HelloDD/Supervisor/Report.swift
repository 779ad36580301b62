internal import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// How a supervisor in the background tells the command that started it what to show: lines over a pipe, each with a letter before it.
/// The end of the stream without `up` means that it failed.
final class Report: Sendable {
    enum Message: Hashable, Sendable {
        case note(lines: [String])
        case problem(lines: [String])
        case up(lines: [String])
    }

    private let descriptor: Mutex<Int32?>

    /// Takes the descriptor over; what is started from here does not get it.
    init(descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        self.descriptor = Mutex(descriptor)
    }

    /// Does nothing after `.up`, nor when nobody listens any more (SIGPIPE must be ignored).
    func send(_ message: Message) {
        descriptor.withLock { descriptor in
            guard let open = descriptor else { return }
            SystemCall.writeAll(open, Array(Self.encode(message).utf8)[...])
            guard case .up = message else { return }
            close(open)
            descriptor = nil
        }
    }

    static func encode(_ message: Message) -> String {
        switch message {
        case .note(let lines): lines.map { "n\($0)\n" }.joined()
        case .problem(let lines): lines.map { "p\($0)\n" }.joined()
        case .up(let lines): lines.map { "n\($0)\n" }.joined() + "u\n"
        }
    }

    /// What one line says; nil if it is not one of a report's.
    static func decode(_ line: String) -> Message? {
        let text = [String(line.dropFirst())]
        return switch line.first {
        case "n": .note(lines: text)
        case "p": .problem(lines: text)
        case "u": .up(lines: [])
        default: nil
        }
    }
}
