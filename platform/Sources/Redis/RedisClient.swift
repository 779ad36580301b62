internal import Basics
public import NIOCore
internal import NIOPosix
internal import Resilience
internal import Synchronization

/// A client of one Redis server (6 or newer, or what speaks its protocol), in RESP3.
///
/// Commands of all tasks share few connections and are pipelined by nature. A command waits for its answer until ``RedisOptions/commandTimeout``
/// or the task's `Deadline`, whichever is earlier. It is sent once and never repeated by the client: ``RedisError/mayHaveRun`` says whether
/// repeating could do it twice. Clusters are not supported.
public final class RedisClient: Sendable {
    public let options: RedisOptions
    private let group: any EventLoopGroup
    private let lanes: [RedisLane]
    private let turn = Atomic<UInt>(0)
    private let instruments: RedisInstruments
    private let listeners = Mutex<(isClosed: Bool, all: [RedisListener])>((false, []))

    /// Connects when it is first used.
    ///
    /// - Parameter group: nil: the process' own.
    public init(_ options: RedisOptions, group: (any EventLoopGroup)? = nil) {
        precondition(options.connections > 0 && options.pendingLimit > 0 && options.pendingBytes > 0)
        self.options = options
        instruments = RedisInstruments(options)
        let group: any EventLoopGroup = group ?? MultiThreadedEventLoopGroup.singleton
        self.group = group
        var loops = group.makeIterator()
        lanes = (0..<options.connections).map { _ in RedisLane(options, on: loops.next() ?? group.next()) }
    }

    // MARK: Commands

    /// - Throws: see ``RedisError``; an error reply is thrown as `server`.
    public func send(_ command: RedisCommand) async throws(RedisError) -> RESPValue { try await send(command, script: nil) }

    private func send(_ command: RedisCommand, script: String?) async throws(RedisError) -> RESPValue {
        try await instruments.command(command.name, script: script) { () async throws(RedisError) in
            let replies = try await exchange([command])
            if case .error(let error) = replies[0] { throw .refused(error) }
            return replies[0]
        }
    }

    /// Sends commands one directly after the other, on one connection, and returns as many replies. An error reply is one of them, and
    /// the other commands are run all the same.
    public func pipeline(_ commands: [RedisCommand]) async throws(RedisError) -> [RESPValue] {
        guard !commands.isEmpty else { return [] }
        return try await instruments.pipeline(commands.count) { () async throws(RedisError) in try await exchange(commands) }
    }

    private func exchange(_ commands: [RedisCommand]) async throws(RedisError) -> [RESPValue] {
        if Task.isCancelled { throw RedisError.cancelled }
        var end = NIODeadline.now() + .init(options.commandTimeout)
        if let deadline = Deadline.current {
            if deadline.hasPassed { throw RedisError.timeout }
            end = min(end, .now() + .init(deadline.remaining))
        }
        let lane = lane()
        let call = RedisCall(replies: commands.reduce(0) { $0 + $1.replies }, deadline: end)
        let replies = try await call.run { lane.submit(commands, $0) }
        for case .error(let error) in replies {
            switch error.code {
            // Not run, and the server will not be able to for a while: what a caller does without a server it should do now.
            case "LOADING", "MASTERDOWN": throw RedisError(.unavailable, "the server is not ready: \(error.code)", server: error)
            // A failover has made another server the first: its address is to be looked up again.
            case "READONLY":
                let reason = RedisError(.unavailable, "the server only reads: \(error.code)", server: error)
                lane.renew(reason)
                throw reason
            default: continue
            }
        }
        return replies
    }

    /// Runs a script by its digest; one that the server does not have is sent whole.
    ///
    /// - Parameters:
    ///   - keys: all that the script touches, so that the server's access rules see them.
    public func run(_ script: RedisScript, keys: [RedisCommand.Word], arguments: [RedisCommand.Word] = []) async throws(RedisError) -> RESPValue {
        let rest = [.integer(Int64(keys.count))] + keys + arguments
        do throws(RedisError) {
            return try await send(RedisCommand(["EVALSHA", .text(script.digest)] + rest), script: script.name)
        } catch {
            guard error.server?.code == "NOSCRIPT" else { throw error }
            return try await send(RedisCommand(["EVAL", .text(script.text)] + rest), script: script.name)
        }
    }

    /// The next in turn, or the next that is not known to be without a connection.
    private func lane() -> RedisLane {
        let first = Int(turn.wrappingAdd(1, ordering: .relaxed).oldValue % UInt(lanes.count))
        for offset in lanes.indices {
            let lane = lanes[(first + offset) % lanes.count]
            if lane.accepts { return lane }
        }
        return lanes[first]
    }

    /// Whether a connection for commands stands now.
    public var isConnected: Bool { lanes.contains { $0.isConnected } }

    // MARK: Listening

    /// A connection of its own that only listens: see ``RedisListener``.
    ///
    /// - Parameters:
    ///   - setup: commands that make the server send: `SUBSCRIBE`, `PSUBSCRIBE`, `CLIENT TRACKING`. Sent on each new connection.
    ///   - onEvent: called on an event loop, in order; must return soon, and must not block.
    public func listen(_ setup: [RedisCommand], onEvent: @escaping @Sendable (RedisListener.Event) -> Void) -> RedisListener {
        let listener = RedisListener(options, on: group.next(), setup: setup, onEvent: onEvent)
        let isClosed = listeners.withLock { listeners in
            if !listeners.isClosed { listeners.all.append(listener) }
            return listeners.isClosed
        }
        if !isClosed { listener.start() }
        return listener
    }

    /// Hears of each key that changes and begins with one of `prefixes` (client-side tracking in broadcasting mode): whoever changes it, this
    /// client included, also when it expires or is evicted.
    public func invalidations(
        prefixes: [String], onEvent: @escaping @Sendable (RedisListener.Event) -> Void
    ) -> RedisListener {
        var words: [RedisCommand.Word] = ["CLIENT", "TRACKING", "ON", "BCAST"]
        for prefix in prefixes { words += ["PREFIX", .text(prefix)] }
        return listen([RedisCommand(words)], onEvent: onEvent)
    }

    // MARK: The end

    /// Closes all connections; who waits gets `closed`. May be called more than once.
    public func shutdown() async {
        let all = listeners.withLock { listeners in
            defer { listeners = (true, []) }
            return listeners.all
        }
        for listener in all { await listener.shutdown() }
        for lane in lanes { await lane.shutdown() }
    }
}
