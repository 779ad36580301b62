internal import Synchronization

extension ChildProcess {
    /// Runs a program to its end and returns what it wrote, at most 64 KiB of it. It is killed if it takes longer than `limit`.
    static func output(of executable: String, arguments: [String], within limit: Duration) async throws(CommandFailure) -> (String, Exit) {
        let collected = Collected()
        let (ends, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingOldest(1))
        let child = try spawn(
            executable, arguments: arguments, environment: Environment.all, lifeline: nil, onOutput: { collected.append($0) },
            onExit: { continuation.finish() })
        let watchdog = Task {
            try await Task.sleep(for: limit)
            child.killGroup()
        }
        for await _ in ends {}
        watchdog.cancel()
        return (collected.text, child.reap())
    }

    private final class Collected: Sendable {
        private let bytes = Mutex<[UInt8]>([])

        func append(_ more: ArraySlice<UInt8>) { bytes.withLock { $0 += more.prefix(max(0, 65_536 - $0.count)) } }

        var text: String { bytes.withLock { String(decoding: $0, as: UTF8.self) } }
    }
}
