import Resilience

/// One place for a connection: closed, being opened, or open, with what is asked of it.
///
/// It is asked by whoever leases it, and lives on the loop's thread, which alone touches what varies: hence `@unchecked Sendable`.
final class PostgresConnection: @unchecked Sendable {
    enum Link {
        case closed
        case opening
        case open(LibPQConnection)
    }

    /// What the loop is to do for a connection.
    enum Action {
        case open
        case cancel(LibPQCanceller, opening: UInt64)
    }

    private(set) var link = Link.closed
    /// Counts how often it was opened, so that what belongs to an earlier opening is known by its number.
    private(set) var opening: UInt64 = 0
    private var queue: [PostgresRequest] = []
    private var exchange: PostgresExchange?
    private var cancellation = Cancellation.none
    private var wantsToWrite = false
    private var statements: PostgresStatements
    private var serverTimeout = ServerTimeout()
    /// Called for each `NOTIFY`, and with nil when the connection is lost.
    let onNotification: (@Sendable (PostgresNotification?) -> Void)?

    private enum Cancellation {
        case none
        /// The server is being told.
        case telling(count: Int, since: ContinuousClock.Instant)
        /// It was told, and may have been told too early to find the statement.
        case told(count: Int, since: ContinuousClock.Instant, again: ContinuousClock.Instant)
    }

    /// How long a server that was told to stop a statement, or to commit, may answer nothing; then the connection is given up.
    private static let patience = Duration.seconds(10)

    init(statementCacheCapacity: Int, onNotification: (@Sendable (PostgresNotification?) -> Void)? = nil) {
        statements = PostgresStatements(capacity: statementCacheCapacity)
        self.onNotification = onNotification
    }

    // MARK: For the loop

    /// The descriptor to wait for, and for what.
    var interest: (descriptor: Int32, writes: Bool)? {
        guard case .open(let link) = link else { return nil }
        return (link.descriptor, wantsToWrite)
    }

    var mustBePolled: Bool {
        guard case .open(let link) = link, exchange != nil else { return false }
        return !link.knowsDecryptedBytes
    }

    /// When this connection wants to be looked at again though nothing has arrived.
    var alarm: ContinuousClock.Instant? {
        var alarm = queue.compactMap(\.alarm).min()
        func consider(_ instant: ContinuousClock.Instant?) {
            if let instant { alarm = alarm.map { min($0, instant) } ?? instant }
        }
        if let exchange {
            consider(giveUp(exchange))
            switch cancellation {
            // Also when it has passed: that may have been after this connection was last looked at.
            case .none: consider(exchange.request.alarm)
            case .telling: break
            case .told(_, _, let again): consider(again)
            }
        }
        return alarm
    }

    func submit(_ request: PostgresRequest) { queue.append(request) }

    /// Starts, stops and ends what is due.
    func advance(now: ContinuousClock.Instant) -> Action? {
        if !queue.isEmpty { queue.removeAll(where: isAnsweredHere) }
        if exchange != nil { return cancelIfDue(now) }
        while exchange == nil, let request = queue.first {
            switch link {
            case .opening: return nil
            case .closed:
                link = .opening
                return .open
            case .open(let link):
                queue.removeFirst()
                start(request, on: link, now)
                // What came before may have failed the transaction, ended it, or lost the connection.
                queue.removeAll(where: isAnsweredHere)
            }
        }
        return nil
    }

    private func isAnsweredHere(_ request: PostgresRequest) -> Bool {
        var open: UInt64?
        if case .open = link { open = opening }
        return request.completeWithoutServer(open: open)
    }

    func opened(_ result: Result<LibPQConnection, DatabaseError>) {
        switch result {
        case .success(let opened):
            opening += 1
            link = .open(opened)
        case .failure(let error):
            link = .closed
            // All who wait get to know: the next caller tries again.
            let waiting = queue
            queue = []
            for request in waiting { request.complete(.failure(error)) }
        }
    }

    /// The descriptor has something to read, or room to write.
    func isReady() {
        guard case .open(let link) = link else { return }
        guard link.read() else { return lose() }
        while let notification = link.notification() { onNotification?(notification) }
        flush(link)
        receive()
    }

    func cancelled(opening: UInt64, now: ContinuousClock.Instant) {
        guard opening == self.opening, case .telling(let count, let since) = cancellation else { return }
        cancellation = .told(count: count, since: since, again: now + Duration.milliseconds(10 << Int64(min(count, 6))))
        if exchange?.isComplete == true { finish() }
    }

    func close() {
        if case .open(let link) = link { link.close() }
        link = .closed
        if let request = exchange.take()?.request {
            request.complete(.failure(request.loss.code == .commitUnknown ? request.loss : .closed))
        }
        for request in queue { request.complete(.failure(.closed)) }
        queue = []
        onNotification?(nil)
    }

    // MARK: Starting

    private func start(_ request: PostgresRequest, on link: LibPQConnection, _ now: ContinuousClock.Instant) {
        var exchange = PostgresExchange(request, started: now)
        switch request.work {
        case .connect: return request.complete(.success(nil))
        case .commit, .rollback:
            request.transaction?.hasEnded = true
            exchange.rollsBack = request.transaction?.failure != nil
        case .statement, .script, .listen: break
        }
        do throws(DatabaseError) {
            guard try send(&exchange, on: link) else {
                self.exchange = exchange
                return lose()
            }
        } catch {
            if let transaction = request.transaction { transaction.failure = transaction.failure ?? error }
            return request.complete(.failure(error))
        }
        self.exchange = exchange
        flush(link)
    }

    /// False: the connection is lost.
    private func send(_ exchange: inout PostgresExchange, on link: LibPQConnection) throws(DatabaseError) -> Bool {
        let request = exchange.request
        // What the statement needs is looked at first: once something is sent, all of it must be.
        var name: String?
        var isNew = false
        if case .statement(let text, let parameters) = request.work {
            if let known = statements.name(of: text, parameters.types) {
                name = known
            } else {
                guard text.utf8.allSatisfy({ $0 != 0 }) else { throw DatabaseError(.statement, "the statement's text holds a NUL byte") }
                let beginnings = SQLWords.beginnings(of: text)
                guard !beginnings.isEmpty else { throw DatabaseError(.statement, "the statement is empty") }
                if let refusal = SQLWords.refusal(of: beginnings) { throw refusal }
                if !parameters.types.isEmpty || SQLWords.isWorthPreparing(text) {
                    (name, isNew) = (statements.newName(), true)
                }
            }
        }
        if case .script(let text) = request.work {
            guard text.utf8.allSatisfy({ $0 != 0 }) else { throw DatabaseError(.statement, "the script holds a NUL byte") }
            if let refusal = SQLWords.refusal(of: SQLWords.beginnings(of: text)) { throw refusal }
        }

        var isSent = true
        func then(_ step: PostgresExchange.Step, _ isGood: Bool) {
            exchange.steps.append(step)
            isSent = isSent && isGood
        }
        let isInside = request.transaction?.opening != nil
        if !isInside {
            for text in statements.surplus() { then(.forget, link.executeOnce("DEALLOCATE \(text)")) }
            if let milliseconds = timeoutToSet(for: request) {
                then(.timeout(milliseconds), link.executeOnce("SET statement_timeout = \(milliseconds)"))
            }
            // A transaction of their own, so that they stay when the next one is rolled back.
            if !exchange.steps.isEmpty { then(.sync, link.sync()) }
        }
        if let transaction = request.transaction, transaction.opening == nil {
            then(.begin, link.executeOnce(transaction.begin))
            transaction.opening = opening
        }
        switch request.work {
        case .statement(let text, let parameters):
            if let name {
                if isNew { then(.prepare(text, parameters.types, name: name), link.prepare(name, text, parameters.types)) }
                then(.execute, link.execute(name, parameters))
            } else {
                then(.execute, link.executeOnce(text))
            }
        case .commit: then(.execute, link.executeOnce(exchange.rollsBack ? "ROLLBACK" : "COMMIT"))
        case .rollback: then(.execute, link.executeOnce("ROLLBACK"))
        case .listen(let channel):
            then(
                .execute, link.executeOnce("LISTEN \"\(channel.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\""))\"")
            )
        case .script(let text):
            exchange.script = text
            // A script cannot be pipelined: it is sent when what comes before it was answered.
            if exchange.steps.isEmpty {
                exchange.beginScript()
                return link.executeScript(text)
            }
        case .connect: break
        }
        then(.sync, link.sync())
        return isSent
    }

    private func timeoutToSet(for request: PostgresRequest) -> Int64? {
        switch request.work {
        case .commit, .rollback, .connect: nil
        case .statement, .script, .listen: serverTimeout.change(for: request.interrupt.deadline)
        }
    }

    private func flush(_ link: LibPQConnection) {
        switch link.flush() {
        case true: wantsToWrite = false
        case false: wantsToWrite = true
        case nil: lose()
        }
    }

    // MARK: Receiving

    private func receive() {
        var pauses = 0
        while case .open(let link) = link, exchange != nil, exchange?.isComplete == false {
            switch link.next() {
            case .pending: return
            case .none:
                if exchange?.isInScript == true {
                    guard link.leaveScript() else { return lose() }
                    exchange?.endScript()
                    continue
                }
                pauses += 1
                // Between two results there is one pause; more mean that the two sides do not agree about what was sent.
                guard pauses < 3 else { return lose() }
                continue
            case .copy: return lose(DatabaseError(.statement, "COPY is not offered here"))
            case .synced: take(.synced, on: link)
            case .skipped: take(.skipped, on: link)
            case .result(let result): take(.done(result), on: link)
            case .failure(let result):
                let error = DatabaseError(result, interrupt: exchange?.request.reason)
                if result.endsConnection { return lose(error) }
                if link.isBroken { return lose() }
                take(.failed(error), on: link)
            }
            pauses = 0
        }
        if exchange?.isComplete == true { finish() }
    }

    private func take(_ answer: PostgresExchange.Answer, on link: LibPQConnection) {
        switch exchange?.receive(answer) {
        case .step(.prepare(let text, let types, let name)): statements.insert(name, text, types)
        case .step(.timeout(let milliseconds)): serverTimeout.milliseconds = milliseconds
        case .step: break
        case .mismatch, nil: return lose()
        }
        if let script = exchange?.scriptToSend {
            exchange?.beginScript()
            guard link.executeScript(script) else { return lose() }
            flush(link)
        }
    }

    /// The server has answered everything. If it is being told to stop, that comes first: it could stop the next statement.
    private func finish() {
        if case .telling = cancellation { return }
        cancellation = .none
        guard let exchange = exchange.take(), case .open(let link) = link else { return }
        let request = exchange.request
        if let failure = exchange.failure, failure.wantsNewPreparation {
            statements.forgetAll()
            if request.transaction == nil, !request.isSecondRun {
                request.isSecondRun = true
                queue.insert(request, at: 0)
                return
            }
        }
        if let transaction = request.transaction {
            switch request.work {
            case .commit, .rollback: break
            default:
                if link.isInFailedTransaction || exchange.beganInVain, transaction.failure == nil {
                    transaction.failure = exchange.failure ?? .connectionLost
                }
            }
        }
        request.complete(exchange.outcome)
    }

    // MARK: Stopping

    private func cancelIfDue(_ now: ContinuousClock.Instant) -> Action? {
        guard let exchange, case .open(let link) = link else { return nil }
        if let end = giveUp(exchange), now >= end {
            lose()
            return nil
        }
        let (count, since): (Int, ContinuousClock.Instant)
        switch cancellation {
        case .none:
            guard exchange.request.reason != nil else { return nil }
            (count, since) = (0, now)
        case .telling: return nil
        case .told(let told, let begun, let again):
            guard now >= again else { return nil }
            (count, since) = (told, begun)
        }
        guard let canceller = link.canceller() else { return nil }
        cancellation = .telling(count: count + 1, since: since)
        return .cancel(canceller, opening: opening)
    }

    /// When a server that answers nothing is given up: some time after it was told to stop, or after the end of a transaction was due.
    private func giveUp(_ exchange: PostgresExchange) -> ContinuousClock.Instant? {
        switch (cancellation, exchange.request.work) {
        case (.telling(_, let since), _), (.told(_, let since, _), _): since + Self.patience
        case (.none, .commit), (.none, .rollback):
            max(exchange.started, exchange.request.interrupt.deadline?.instant ?? exchange.started) + Self.patience
        case (.none, _): nil
        }
    }

    /// The connection is of no use any more.
    /// - Parameter error: what the server said when it closed the connection, if it said something.
    private func lose(_ error: DatabaseError? = nil) {
        guard case .open(let link) = link else { return }
        link.close()
        self.link = .closed
        wantsToWrite = false
        serverTimeout = ServerTimeout()
        cancellation = .none
        statements = PostgresStatements(capacity: statements.capacity)
        onNotification?(nil)
        guard let exchange = exchange.take() else { return }
        let request = exchange.request
        var loss = request.loss
        if loss.code != .commitUnknown {
            // Given up because nobody waits for it any more, and nothing was written: that reason says more.
            loss = error ?? request.reason ?? loss
        }
        request.transaction?.failure = loss
        request.complete(exchange.isCertain ? exchange.outcome : .failure(loss))
    }
}
