internal import Synchronization

/// Takes what a service writes: line by line to its file, to the terminal, and the last lines to hand for when it crashes.
final class ServiceLog: Sendable {
    private struct State: ~Copyable {
        var splitter = LineSplitter()
        var file: LogFile
        /// The last lines, oldest first; at most `tailLimit`.
        var tail: [[UInt8]] = []
    }

    /// So many lines are repeated when a service is given up: a stack trace's worth.
    static let tailLimit = 20

    private let state: Mutex<State>
    private let show: @Sendable ([UInt8]) -> Void

    /// - Parameter show: called with each line, on the thread that reads the service's output.
    init(path: String, show: @escaping @Sendable ([UInt8]) -> Void) throws(CommandFailure) {
        state = Mutex(State(file: try LogFile(path: path)))
        self.show = show
    }

    func append(_ bytes: ArraySlice<UInt8>) {
        let lines = state.withLock { state in
            let lines = state.splitter.append(bytes)
            for line in lines { Self.keep(line, in: &state) }
            return lines
        }
        for line in lines { show(line) }
    }

    /// The service has ended: what it wrote last may lack a line end.
    func finish() {
        let rest = state.withLock { state in
            let rest = state.splitter.finish()
            if let rest { Self.keep(rest, in: &state) }
            return rest
        }
        if let rest { show(rest) }
    }

    /// The last `count` lines, oldest first.
    func lastLines(_ count: Int) -> [[UInt8]] { state.withLock { Array($0.tail.suffix(count)) } }

    /// Forgets the last lines: those of an earlier start explain nothing about the next.
    func beginStart() { state.withLock { $0.tail = [] } }

    private static func keep(_ line: [UInt8], in state: inout State) {
        state.file.append(line)
        if state.tail.count == tailLimit { state.tail.removeFirst() }
        state.tail.append(line)
    }
}
