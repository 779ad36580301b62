import Basics
import NIOPosix
import Resilience
import Synchronization

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// The one thread that owns every connection of a database, and waits for all of them at once.
///
/// `poll(2)` and a pipe are portable and enough for tens of connections. What blocks in libpq, which is opening a connection and asking
/// the server to stop a statement, runs on a few threads beside it.
final class PostgresLoop: Sendable {
    private enum Message: Sendable {
        case submit(PostgresConnection, PostgresRequest)
        case opened(PostgresConnection, Result<LibPQConnection, DatabaseError>, begun: ContinuousClock.Instant)
        case cancelled(PostgresConnection, opening: UInt64)
        case close(PostgresConnection)
        case stop(@Sendable () -> Void)
    }

    private struct Mailbox {
        var messages: [Message] = []
        /// The loop is in `poll(2)`, or about to be, and wants to be woken.
        var isAsleep = false
        var hasStopped = false
    }

    private let mailbox = Mutex(Mailbox())
    private let pipe: Pipe
    private let thread = NIOThreadPool(numberOfThreads: 1)
    private let blocking = NIOThreadPool(numberOfThreads: 4)
    private let open: @Sendable () throws(DatabaseError) -> LibPQConnection

    /// - Parameter open: opens a connection; blocks.
    init(open: @escaping @Sendable () throws(DatabaseError) -> LibPQConnection) throws(DatabaseError) {
        self.open = open
        pipe = try Pipe()
        thread.start()
        blocking.start()
        thread.submit { state in
            if case .active = state { Turning(self).run() }
        }
    }

    /// Hands a request to a connection; it is answered whatever happens.
    func submit(_ request: PostgresRequest, to connection: PostgresConnection) {
        if !post(.submit(connection, request)) { request.complete(.failure(.closed)) }
    }

    /// Has the loop look at deadlines and cancellations anew.
    func wake() { wake(if: mailbox.withLock { $0.isAsleep.exchange(with: false) }) }

    /// Closes a connection that nobody asks anything any more.
    func close(_ connection: PostgresConnection) { post(.close(connection)) }

    /// Closes all connections and ends the thread, then calls `done`. What is asked meanwhile is answered with `closed`.
    func stop(_ done: @escaping @Sendable () -> Void) {
        if !post(.stop(done)) { done() }
    }

    @discardableResult private func post(_ message: Message) -> Bool {
        let (isTaken, wakes) = mailbox.withLock { mailbox in
            if mailbox.hasStopped { return (false, false) }
            mailbox.messages.append(message)
            return (true, mailbox.isAsleep.exchange(with: false))
        }
        wake(if: wakes)
        return isTaken
    }

    private func wake(if isAsleep: Bool) { if isAsleep { pipe.write() } }

    /// The messages since the last time; with none, the loop counts as asleep from here on.
    private func takeMessages() -> [Message] {
        mailbox.withLock { mailbox in
            defer { mailbox.messages = [] }
            mailbox.isAsleep = mailbox.messages.isEmpty
            return mailbox.messages
        }
    }

    // MARK: The thread

    /// What the loop's thread knows; made on it, and never leaves it.
    private struct Turning {
        let loop: PostgresLoop
        var connections: [PostgresConnection] = []
        var gate = ReconnectGate()
        var isStopping = false
        var done: [@Sendable () -> Void] = []

        init(_ loop: PostgresLoop) { self.loop = loop }

        consuming func run() {
            while !isStopping {
                let messages = loop.takeMessages()
                for message in messages { take(message) }
                let now = ContinuousClock.now
                for connection in connections { advance(connection, now) }
                if messages.isEmpty { wait() }
            }
            for connection in connections { connection.close() }
            let late = loop.mailbox.withLock { mailbox in
                mailbox.hasStopped = true
                defer { mailbox.messages = [] }
                return mailbox.messages
            }
            for message in late {
                switch message {
                case .submit(_, let request): request.complete(.failure(.closed))
                case .opened(_, .success(let link), _): link.close()
                case .stop(let done): self.done.append(done)
                case .opened, .cancelled, .close: break
                }
            }
            let (loop, done) = (loop, done)
            loop.blocking.shutdownGracefully { _ in
                loop.thread.shutdownGracefully { _ in withExtendedLifetime(loop) { for done in done { done() } } }
            }
        }

        private mutating func take(_ message: Message) {
            switch message {
            case .submit(let connection, let request):
                if !connections.contains(where: { $0 === connection }) { connections.append(connection) }
                connection.submit(request)
            case .opened(let connection, let result, let begun):
                switch result {
                case .success: gate.succeeded()
                case .failure(let error): gate.failed(error, begun: begun, now: .now)
                }
                connection.opened(result)
            case .cancelled(let connection, let opening): connection.cancelled(opening: opening, now: .now)
            case .close(let connection):
                connection.close()
                connections.removeAll { $0 === connection }
            case .stop(let done):
                isStopping = true
                self.done.append(done)
            }
        }

        private func advance(_ connection: PostgresConnection, _ now: ContinuousClock.Instant) {
            guard let action = connection.advance(now: now) else { return }
            let loop = loop
            switch action {
            case .open:
                if let refusal = gate.refusal(now) { return connection.opened(.failure(refusal)) }
                loop.blocking.submit { state in
                    guard case .active = state else { return }
                    let result = Result { () throws(DatabaseError) in try loop.open() }
                    if !loop.post(.opened(connection, result, begun: now)), case .success(let link) = result { link.close() }
                }
            case .cancel(let canceller, let opening):
                loop.blocking.submit { state in
                    if case .active = state { canceller.cancel() }
                    loop.post(.cancelled(connection, opening: opening))
                }
            }
        }

        private func wait() {
            var descriptors = [pollfd(fd: loop.pipe.reading, events: Int16(POLLIN), revents: 0)]
            var waiting: [PostgresConnection] = []
            var alarm: ContinuousClock.Instant?
            for connection in connections {
                if let due = connection.alarm { alarm = alarm.map { min($0, due) } ?? due }
                // Without OpenSSL's word the only way to find what it holds back is to look.
                if connection.mustBePolled { alarm = min(alarm ?? .now + .milliseconds(5), .now + .milliseconds(5)) }
                guard let interest = connection.interest else { continue }
                descriptors.append(pollfd(fd: interest.descriptor, events: Int16(interest.writes ? POLLIN | POLLOUT : POLLIN), revents: 0))
                waiting.append(connection)
            }
            // Rounded up: waking before the time would only mean to wait again.
            let timeout = alarm.map { Int32(clamping: max(Duration.zero, $0 - .now).milliseconds + 1) } ?? -1
            let count = poll(&descriptors, nfds_t(descriptors.count), timeout)
            loop.mailbox.withLock { $0.isAsleep = false }
            if count > 0, descriptors[0].revents != 0 { loop.pipe.drain() }
            for (connection, descriptor) in zip(waiting, descriptors.dropFirst()) where descriptor.revents != 0 || connection.mustBePolled {
                connection.isReady()
            }
        }
    }
}

/// Keeps a server that is down, or just back, from being flooded: after a failure nobody tries again before a jittered time has passed.
struct ReconnectGate {
    private var failures = 0
    private var closedUntil: ContinuousClock.Instant?
    private var lastFailure: (error: DatabaseError, at: ContinuousClock.Instant)?
    private let backoff = Backoff(base: .milliseconds(100), cap: .seconds(2))

    /// What a caller gets who comes too early.
    func refusal(_ now: ContinuousClock.Instant) -> DatabaseError? {
        guard let closedUntil, now < closedUntil else { return nil }
        return lastFailure?.error
    }

    mutating func succeeded() { self = ReconnectGate() }

    /// - Parameter begun: several attempts that ran side by side count as one failure.
    mutating func failed(_ error: DatabaseError, begun: ContinuousClock.Instant, now: ContinuousClock.Instant) {
        if let lastFailure, begun < lastFailure.at { return }
        lastFailure = (error, now)
        closedUntil = now + backoff.delay(failures)
        failures += 1
    }
}

/// What wakes the loop: a byte in a pipe is something that `poll(2)` sees.
private final class Pipe: Sendable {
    let reading: Int32
    private let writing: Int32

    init() throws(DatabaseError) {
        var ends: (Int32, Int32) = (-1, -1)
        let code = withUnsafeMutablePointer(to: &ends) {
            $0.withMemoryRebound(to: Int32.self, capacity: 2) { systemPipe($0) }
        }
        guard code == 0 else { throw DatabaseError(.unavailable, "this process has no file descriptors left") }
        (reading, writing) = ends
        for end in [reading, writing] {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
    }

    deinit {
        close(reading)
        close(writing)
    }

    /// A full pipe wakes as well.
    func write() {
        var byte: UInt8 = 0
        systemWrite(writing, &byte)
    }

    func drain() {
        withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
            while read(reading, buffer.baseAddress, buffer.count) > 0 {}
        }
    }
}

// Named apart from the methods above, which would hide them.
private func systemPipe(_ ends: UnsafeMutablePointer<Int32>) -> Int32 { pipe(ends) }
private func systemWrite(_ descriptor: Int32, _ byte: UnsafeRawPointer) { _ = write(descriptor, byte, 1) }

extension Bool {
    /// Sets a new value and gives the old one.
    fileprivate mutating func exchange(with value: Bool) -> Bool {
        defer { self = value }
        return self
    }
}
