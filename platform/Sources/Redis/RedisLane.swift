internal import Basics
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import Resilience
internal import Synchronization

/// Keeps one connection: makes it when it is first needed, and anew when it is lost.
///
/// While the first attempt is under way callers wait for it, within their deadlines. When an attempt has failed they are refused at once
/// until one succeeds: who has another source, such as a cache's callers, must not wait for a server that is away.
final class RedisLane: Sendable {
    /// What a lane tells its owner, on its event loop and in order.
    enum Event: Sendable {
        /// The greeting and all of the setup were answered.
        case connected
        case lost(RedisError)
        case push([RESPValue])
    }

    private enum State {
        case idle
        /// With the calls that wait; refused at once if there is an `error`.
        case connecting(error: RedisError?, waiting: [(commands: [RedisCommand], call: RedisCall)])
        case ready(RedisConnection)
        case closed
    }

    private let options: RedisOptions
    private let eventLoop: any EventLoop
    private let setup: [RedisCommand]
    private let onEvent: @Sendable (Event) -> Void
    private let state = Mutex(State.idle)

    /// - Parameters:
    ///   - setup: commands for each new connection, after the greeting; one that is refused ends it.
    ///   - onEvent: must return soon, and must not block.
    init(_ options: RedisOptions, on eventLoop: any EventLoop, setup: [RedisCommand] = [], onEvent: @escaping @Sendable (Event) -> Void = { _ in }) {
        self.options = options
        self.eventLoop = eventLoop
        self.setup = setup
        self.onEvent = onEvent
    }

    func submit(_ commands: [RedisCommand], _ call: RedisCall) {
        enum Way { case send(RedisConnection), wait(connects: Bool), refuse(RedisError) }
        let way = state.withLock { state -> Way in
            switch state {
            case .ready(let connection): return .send(connection)
            case .closed: return .refuse(.closed)
            case .idle:
                state = .connecting(error: nil, waiting: [(commands, call)])
                return .wait(connects: true)
            case .connecting(let error?, _): return .refuse(error)
            case .connecting(nil, var waiting):
                guard waiting.count < options.pendingLimit else {
                    return .refuse(RedisError(.queueFull, "\(options.pendingLimit) commands wait for a connection already"))
                }
                waiting.append((commands, call))
                state = .connecting(error: nil, waiting: waiting)
                return .wait(connects: false)
            }
        }
        switch way {
        case .send(let connection): connection.enqueue(commands, call)
        case .refuse(let error): call.finish(.failure(error))
        case .wait(let connects):
            eventLoop.scheduleTask(deadline: call.deadline) {
                call.finish(.failure(RedisError(.unavailable, "no connection in time")))
            }
            if connects { connect(attempt: 0) }
        }
    }

    /// Connects without being asked for anything, for what only listens.
    func start() {
        let isIdle = state.withLock { state in
            guard case .idle = state else { return false }
            state = .connecting(error: nil, waiting: [])
            return true
        }
        if isIdle { connect(attempt: 0) }
    }

    /// Whether a command would be taken now, or could wait for a connection.
    var accepts: Bool {
        state.withLock { state in
            switch state {
            case .idle, .ready, .connecting(nil, _): true
            case .connecting(_?, _), .closed: false
            }
        }
    }

    var isConnected: Bool {
        state.withLock { if case .ready = $0 { true } else { false } }
    }

    func shutdown() async {
        let old = state.withLock { state in
            defer { state = .closed }
            return state
        }
        switch old {
        case .idle, .closed: break
        case .connecting(_, let waiting): for one in waiting { one.call.finish(.failure(.closed)) }
        case .ready(let connection):
            connection.close(.closed)
            try? await connection.channel.closeFuture.get()
        }
    }

    /// Gives up the connection, so that the next one looks the host up again.
    func renew(_ reason: RedisError) {
        if let connection = state.withLock({ if case .ready(let connection) = $0 { connection } else { nil } }) { connection.close(reason) }
    }

    // MARK: Connecting

    private func connect(attempt: Int) {
        guard !state.withLock({ if case .closed = $0 { true } else { false } }) else { return }
        Task.detached { [self] in
            do throws(RedisError) {
                ready(try await open())
            } catch {
                failed(error, attempt: attempt)
            }
        }
    }

    private func ready(_ connection: RedisConnection) {
        // On its loop, so that the owner hears of the connection before it hears of its loss.
        eventLoop.execute { [self] in
            let waiting = state.withLock { state -> [(commands: [RedisCommand], call: RedisCall)]? in
                guard case .connecting(_, let waiting) = state else { return nil }
                state = .ready(connection)
                return waiting
            }
            guard let waiting else { return connection.close(.closed) }
            onEvent(.connected)
            connection.channel.closeFuture.whenComplete { _ in self.lost(connection) }
            for one in waiting where !one.call.isOver { connection.enqueue(one.commands, one.call) }
        }
    }

    private func failed(_ error: RedisError, attempt: Int) {
        let error = error.code == .authentication || error.code == .server ? error : RedisError(.unavailable, error.message)
        let waiting = state.withLock { state -> [(commands: [RedisCommand], call: RedisCall)] in
            guard case .connecting(_, let waiting) = state else { return [] }
            state = .connecting(error: error, waiting: [])
            return waiting
        }
        for one in waiting { one.call.finish(.failure(error)) }
        eventLoop.scheduleTask(in: .init(options.backoff.delay(attempt))) { self.connect(attempt: min(attempt + 1, 30)) }
    }

    private func lost(_ connection: RedisConnection) {
        let wasReady = state.withLock { state in
            guard case .ready = state else { return false }
            state = .connecting(error: nil, waiting: [])
            return true
        }
        guard wasReady else { return }
        onEvent(.lost(connection.failure ?? RedisError(.connectionLost, "the connection was lost")))
        connect(attempt: 0)
    }

    private func open() async throws(RedisError) -> RedisConnection {
        let end = NIODeadline.now() + .init(options.connectTimeout)
        let connection: RedisConnection
        do {
            connection = try await bootstrap().connect(host: options.host, port: options.port) { [options, onEvent] channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls = options.tls { try channel.pipeline.syncOperations.addHandler(Self.tlsHandler(tls, options.host)) }
                    return try RedisConnection(channel, options) { onEvent(.push($0)) }
                }
            }
        } catch let error as RedisError {
            throw error
        } catch {
            throw RedisError(.unavailable, "cannot connect to \(options.host):\(options.port): \(Self.reason(error))")
        }
        var hello: [RedisCommand.Word] = ["HELLO", 3]
        if let password = options.password { hello += ["AUTH", .text(options.user ?? "default"), .text(password)] }
        if let name = options.clientName { hello += ["SETNAME", .text(name)] }
        var commands = [RedisCommand(hello)]
        if options.database != 0 { commands.append(RedisCommand("SELECT", .integer(Int64(options.database)))) }
        commands += setup
        do throws(RedisError) {
            let replies = try await connection.replies(to: commands, by: end)
            for case (let index, .error(let error)) in replies.enumerated() { throw Self.refusal(error, isGreeting: index == 0) }
        } catch {
            connection.close(error)
            throw error.code == .timeout ? RedisError(.unavailable, "the server did not answer the greeting in time") : error
        }
        return connection
    }

    private func bootstrap() -> ClientBootstrap {
        ClientBootstrap(group: eventLoop)
            .connectTimeout(.init(options.connectTimeout))
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
    }

    private static func tlsHandler(_ tls: RedisOptions.TLS, _ host: String) throws -> NIOSSLClientHandler {
        var configuration = TLSConfiguration.makeClientConfiguration()
        if let authorities = tls.authorities { configuration.trustRoots = .file(authorities) }
        configuration.certificateVerification = tls.verifiesHost ? .fullVerification : .noHostnameVerification
        // An address has no server name to indicate; it is checked all the same.
        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        return try NIOSSLClientHandler(context: NIOSSLContext(configuration: configuration), serverHostname: isAddress ? nil : host)
    }

    private static func refusal(_ error: RedisServerError, isGreeting: Bool) -> RedisError {
        switch error.code {
        case "WRONGPASS", "NOAUTH", "NOPERM": RedisError(.authentication, "the server refused the credentials: \(error.code)", server: error)
        case "NOPROTO": RedisError(.server, "the server does not speak RESP3: Redis 6 or newer is needed", server: error)
        case "ERR" where isGreeting: RedisError(.server, "the server refused HELLO: Redis 6 or newer is needed, or it has no password", server: error)
        default: RedisError(.server, "the server refused to set the connection up: \(error.code)", server: error)
        }
    }

    /// Without values: what NIO says of a connection that failed holds its address and the system's reason.
    private static func reason(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError: error.connectionErrors.first.map { reason($0.error) } ?? "the host is not known"
        case let error as IOError: error.description
        case ChannelError.connectTimeout: "no answer in time"
        default: String(describing: type(of: error))
        }
    }
}

extension RedisConnection {
    /// Sends commands one directly after the other and waits for their replies until `end`.
    func replies(to commands: [RedisCommand], by end: NIODeadline) async throws(RedisError) -> [RESPValue] {
        try await RedisCall(replies: commands.reduce(0) { $0 + $1.replies }, deadline: end).run { enqueue(commands, $0) }
    }
}

extension RedisCall {
    /// Has `submit` send what it is for, and waits for the answer or the task's cancellation.
    func run(_ submit: (RedisCall) -> Void) async throws(RedisError) -> [RESPValue] {
        // Unsafe, because there is one for each command; `begin` and `finish` see to it that it is resumed once.
        let answer = await withTaskCancellationHandler {
            await withUnsafeContinuation { if begin($0) { submit(self) } }
        } onCancel: {
            finish(.failure(.cancelled))
        }
        return try answer.get()
    }
}
