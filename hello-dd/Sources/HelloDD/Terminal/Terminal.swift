internal import Processes
internal import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Lines for people, and below them, on a terminal, a few that are drawn anew as things change.
///
/// One thread writes, so that a terminal that has been stopped (Ctrl-S) or is slow holds up neither the services nor the supervisor.
/// What waits is bounded; lines beyond are left out, and their number is told. They stand in the log files in any case.
final class Terminal: Sendable {
    /// Bytes that may wait to be written: some seconds of three busy services.
    private static let limit = 1 << 20

    private struct State {
        var lines: [String] = []
        var bytes = 0
        var omitted = 0
        var live: [String] = []
        /// Those that stand on the screen.
        var drawn: [String] = []
        var isWriting = false
        var isClosed = false
    }

    /// Whether there is a terminal that lines can be redrawn on.
    let isLive: Bool
    let style: Style
    private let descriptor: Int32
    private let state = Mutex(State())
    private let wake: (read: Int32, write: Int32)

    init(descriptor: Int32 = 1, isLive: Bool, style: Style) {
        self.descriptor = descriptor
        self.isLive = isLive
        self.style = style
        guard let pipe = makePipe() else { preconditionFailure("no pipe for the terminal: \(SystemCall.reason())") }
        wake = pipe
        detachThread { [self] in writeUntilClosed() }
    }

    func print(_ line: String) {
        enqueue { state in
            guard state.bytes + line.utf8.count < Self.limit else {
                state.omitted += 1
                return
            }
            if state.omitted > 0 {
                state.lines.append("… \(state.omitted) lines left out here: the terminal was too slow. They are in the log files.")
                state.omitted = 0
            }
            state.lines.append(line)
            state.bytes += line.utf8.count + 1
        }
    }

    /// Replaces the lines at the bottom; none removes them. They must be shorter than the terminal is wide.
    func live(_ lines: [String]) {
        guard isLive else { return }
        enqueue { $0.live = lines }
    }

    /// Waits until all is written, for 2 s at most, and writes nothing more.
    func finish() async {
        for _ in 0..<400 {
            if state.withLock({ $0.lines.isEmpty && $0.live == $0.drawn && !$0.isWriting }) { break }
            try? await Task.sleep(for: .milliseconds(5))
        }
        enqueue { $0.isClosed = true }
    }

    private func enqueue(_ change: (inout State) -> Void) {
        let isIdle = state.withLock { state in
            guard !state.isClosed else { return false }
            let wasIdle = state.lines.isEmpty && state.live == state.drawn && !state.isWriting
            change(&state)
            return wasIdle
        }
        if isIdle { SystemCall.writeAll(wake.write, [0]) }
    }

    private func writeUntilClosed() {
        var byte: [UInt8] = [0]
        while SystemCall.read(wake.read, &byte, 1) > 0 {
            while let text = nextText() {
                SystemCall.writeAll(descriptor, Array(text.utf8)[...])
                state.withLock { $0.isWriting = false }
            }
            if state.withLock({ $0.isClosed }) { return }
        }
    }

    private func nextText() -> String? {
        state.withLock { state in
            guard !state.lines.isEmpty || state.live != state.drawn else { return nil }
            defer {
                state.lines = []
                state.bytes = 0
                state.drawn = state.live
                state.isWriting = true
            }
            return Self.text(erasing: state.drawn.count, lines: state.lines, live: state.live)
        }
    }

    /// What to write so that `erasing` lines at the bottom give way to `lines`, with `live` below them.
    static func text(erasing count: Int, lines: [String], live: [String]) -> String {
        // Up `count` lines, to the first column, and clear from there to the end of the screen.
        let erase = count > 0 ? "\u{1B}[\(count)A\r\u{1B}[J" : ""
        return erase + (lines + live).map { $0 + "\n" }.joined()
    }
}
