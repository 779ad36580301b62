internal import NIOCore
internal import Synchronization

/// One connection: commands of any number of tasks, in one order, answered in that order.
///
/// Callers write their command into a shared buffer under a lock; the first of them wakes the event loop, which sends all that has gathered
/// by then in one write. So whoever calls while the loop is at work shares its system call, and nobody waits for a timer.
final class RedisConnection: Sendable {
    private struct State {
        var outbox = ByteBuffer()
        var queued: [RedisCall] = []
        var isScheduled = false
        /// Calls without an answer, whether sent or not.
        var pending = 0
        /// Bytes that the kernel has not taken yet.
        var bytes = 0
        var failure: RedisError?
    }

    let channel: any Channel
    private let options: RedisOptions
    private let handler: NIOLoopBound<RedisHandler>
    private let state = Mutex(State())

    /// To be called on the channel's event loop, before anything is read.
    init(_ channel: any Channel, _ options: RedisOptions, onPush: @escaping ([RESPValue]) -> Void) throws {
        self.channel = channel
        self.options = options
        let handler = RedisHandler(silence: .init(options.silence), limits: .init(bytes: options.replyBytes), onPush: onPush)
        self.handler = NIOLoopBound(handler, eventLoop: channel.eventLoop)
        // Until the channel has closed they hold each other, so that nobody who waits is forgotten.
        handler.onAnswered = { count in self.state.withLock { $0.pending -= count } }
        handler.onEnd = { error in self.end(error) }
        try channel.pipeline.syncOperations.addHandler(handler)
    }

    /// Sends commands one directly after the other; `call` gets their replies. Refuses, with the reason, if it cannot take them.
    func enqueue(_ commands: [RedisCommand], _ call: RedisCall) {
        let size = commands.reduce(0) { $0 + $1.size }
        let (refusal, wakes) = state.withLock { state -> (RedisError?, Bool) in
            if let failure = state.failure { return (failure, false) }
            guard state.pending < options.pendingLimit else {
                return (RedisError(.queueFull, "\(options.pendingLimit) commands wait for answers already"), false)
            }
            // One that is larger than all the space may go when nothing else does.
            guard state.bytes == 0 || state.bytes + size <= options.pendingBytes else {
                return (RedisError(.queueFull, "\(options.pendingBytes) bytes of commands wait to be written already"), false)
            }
            let before = state.outbox.writerIndex
            for command in commands { command.encode(into: &state.outbox) }
            state.bytes += state.outbox.writerIndex - before
            state.queued.append(call)
            state.pending += 1
            defer { state.isScheduled = true }
            return (nil, !state.isScheduled)
        }
        if let refusal { return call.finish(.failure(refusal)) }
        if wakes { channel.eventLoop.execute { self.drain() } }
    }

    /// On the event loop.
    private func drain() {
        let (bytes, calls) = state.withLock { state in
            defer { (state.outbox, state.queued, state.isScheduled) = (ByteBuffer(), [], false) }
            return (state.outbox, state.queued)
        }
        guard !calls.isEmpty else { return }
        handler.value.expect(calls)
        let count = bytes.readableBytes
        channel.writeAndFlush(bytes).whenComplete { _ in self.state.withLock { $0.bytes -= count } }
    }

    /// The reason for which it ended; nil while it lives.
    var failure: RedisError? { state.withLock { $0.failure } }

    /// Closes it: those who wait get `reason`.
    func close(_ reason: RedisError) {
        channel.eventLoop.execute { self.handler.value.close(reason) }
    }

    private func end(_ error: RedisError) {
        let unsent = state.withLock { state in
            if state.failure == nil { state.failure = RedisError(.unavailable, "the connection was lost") }
            if error.code == .closed { state.failure = error }
            defer { state.queued = [] }
            return state.queued
        }
        // Of these not a byte was sent.
        let reason = error.code == .closed ? error : RedisError(.unavailable, "the connection was lost before the command was sent")
        for call in unsent { call.finish(.failure(reason)) }
    }
}

/// What of a connection belongs to its event loop.
final class RedisHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private struct Pending {
        let call: RedisCall
        var missing: Int
        var values: [RESPValue] = []
    }

    var onAnswered: (Int) -> Void = { _ in }
    var onEnd: (RedisError) -> Void = { _ in }
    private let onPush: ([RESPValue]) -> Void
    private let silence: TimeAmount
    private var decoder: RESPDecoder
    private var pending = CircularBuffer<Pending>()
    private var context: ChannelHandlerContext?
    private var reason: RedisError?
    private var hasEnded = false
    /// When something arrived, or when there began to be something to wait for.
    private var progress = NIODeadline.now()
    private var timer: (due: NIODeadline, task: Scheduled<Void>)?

    init(silence: TimeAmount, limits: RESPDecoder.Limits, onPush: @escaping ([RESPValue]) -> Void) {
        self.silence = silence
        self.onPush = onPush
        decoder = RESPDecoder(limits: limits)
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    // MARK: Answers

    /// The replies of these calls come next, after those that are awaited already.
    func expect(_ calls: [RedisCall]) {
        guard !hasEnded else {
            for call in calls { call.finish(.failure(RedisError(.unavailable, "the connection was lost before the command was sent"))) }
            return
        }
        if pending.isEmpty { progress = .now() }
        var due = progress + silence
        for call in calls {
            pending.append(Pending(call: call, missing: call.replies))
            due = min(due, call.deadline)
        }
        arm(due)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasEnded else { return }
        progress = .now()
        decoder.append(unwrapInboundIn(data))
        var answered = 0
        defer { if answered > 0 { onAnswered(answered) } }
        do throws(RESPError) {
            while let message = try decoder.next() {
                switch message {
                // RESP3 sends what confirms a subscription as a push, where an answer should be.
                case .push(let values) where Self.confirms(values):
                    if !pending.isEmpty, take(.array(values)) { answered += 1 }
                case .push(let values): onPush(values)
                case .reply(let value):
                    guard !pending.isEmpty else { throw .malformed("an answer that nobody asked for") }
                    if take(value) { answered += 1 }
                }
            }
        } catch {
            close(RedisError(.protocolViolation, "the server sent \(error.reason)"))
        }
    }

    private static func confirms(_ push: [RESPValue]) -> Bool {
        switch push.first?.text {
        case "subscribe", "psubscribe", "ssubscribe", "unsubscribe", "punsubscribe", "sunsubscribe": true
        default: false
        }
    }

    /// Gives the oldest call one of its replies. True: it was the last.
    private func take(_ value: RESPValue) -> Bool {
        pending[pending.startIndex].values.append(value)
        pending[pending.startIndex].missing -= 1
        guard pending[pending.startIndex].missing == 0 else { return false }
        let first = pending.removeFirst()
        first.call.finish(.success(first.values))
        return true
    }

    // MARK: Time

    private func arm(_ due: NIODeadline) {
        guard let context else { return }
        if let timer {
            guard due < timer.due else { return }
            timer.task.cancel()
        }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        timer = (due, context.eventLoop.scheduleTask(deadline: due) { bound.value.timeHasPassed() })
    }

    private func timeHasPassed() {
        timer = nil
        guard !pending.isEmpty else { return }
        let now = NIODeadline.now()
        guard now < progress + silence else {
            return close(RedisError(.connectionLost, "the server was silent for too long"))
        }
        var due = progress + silence
        for one in pending {
            if one.call.deadline <= now { one.call.finish(.failure(.timeout)) } else if !one.call.isOver { due = min(due, one.call.deadline) }
        }
        arm(due)
    }

    // MARK: The end

    func close(_ reason: RedisError) {
        if self.reason == nil { self.reason = reason }
        guard let context else { return end() }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close(RedisError(.connectionLost, "the connection failed: \(type(of: error))"))
    }

    private func end() {
        guard !hasEnded else { return }
        hasEnded = true
        timer?.task.cancel()
        timer = nil
        let reason = reason ?? RedisError(.connectionLost, "the server closed the connection")
        let calls = pending
        pending = []
        onEnd(reason)
        for one in calls { one.call.finish(.failure(reason)) }
        (onEnd, onAnswered) = ({ _ in }, { _ in })
    }
}
