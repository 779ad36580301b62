public import NIOCore
internal import NIOPosix
internal import Synchronization

/// A connection that listens to what the server sends on its own account. It is made anew when it is lost, and asks whether the server is
/// still there, so that a network that swallows everything is noticed within ``RedisOptions/silence`` and a half of it.
public final class RedisListener: Sendable {
    public enum Event: Sendable {
        /// The server listens to us and will send. What was sent before, it will not send again.
        case connected
        /// From here until the next `connected` nothing is heard.
        case lost(RedisError)
        /// A message of a channel, or of one that matched a pattern.
        case message(channel: String, payload: ByteBuffer)
        /// Keys that were changed.
        case invalidated([ByteBuffer])
        /// All keys were (`FLUSHALL`, `FLUSHDB`).
        case invalidatedAll
    }

    private let lane: RedisLane
    private let eventLoop: any EventLoop
    private let interval: TimeAmount
    private let silence: TimeAmount
    private let pings = Mutex<RepeatedTask?>(nil)

    init(_ options: RedisOptions, on eventLoop: any EventLoop, setup: [RedisCommand], onEvent: @escaping @Sendable (Event) -> Void) {
        self.eventLoop = eventLoop
        var options = options
        // So that the server's list tells apart who asks and who listens.
        options.clientName = options.clientName.map { "\($0).listener" }
        silence = .init(options.silence)
        interval = .nanoseconds(max(1, silence.nanoseconds / 2))
        lane = RedisLane(options, on: eventLoop, setup: setup) { event in
            switch event {
            case .connected: onEvent(.connected)
            case .lost(let error): onEvent(.lost(error))
            case .push(let values): if let event = Self.event(values) { onEvent(event) }
            }
        }
    }

    func start() {
        lane.start()
        let task = eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { [lane, silence] _ in
            guard lane.isConnected else { return }
            // Nobody waits for the answer: that there is none ends the connection.
            let call = RedisCall(replies: 1, deadline: .now() + silence)
            lane.submit([RedisCommand("PING")], call)
        }
        pings.withLock { $0 = task }
    }

    public var isConnected: Bool { lane.isConnected }

    /// Closes the connection; no event comes after it returned, except one that is just being delivered.
    public func shutdown() async {
        pings.withLock { task in
            task?.cancel()
            task = nil
        }
        await lane.shutdown()
    }

    private static func event(_ values: [RESPValue]) -> Event? {
        switch values.first?.text {
        case "message" where values.count == 3:
            guard let channel = values[1].text, let payload = values[2].bytes else { return nil }
            return .message(channel: channel, payload: payload)
        case "pmessage" where values.count == 4:
            guard let channel = values[2].text, let payload = values[3].bytes else { return nil }
            return .message(channel: channel, payload: payload)
        case "invalidate" where values.count == 2:
            if values[1].isNull { return .invalidatedAll }
            return values[1].elements.map { .invalidated($0.compactMap(\.bytes)) }
        default: return nil
        }
    }
}
