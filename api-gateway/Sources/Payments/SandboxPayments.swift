public import Basics
public import Database
public import PricingAPI

/// The built-in provider: a bank of test cards with a ledger of its own.
///
/// It behaves as a remote party does: its records survive a crash of whoever calls it, it refuses a capture after a void, and some of
/// its cards lose the answer after the deed.
public struct SandboxPayments: PaymentProvider {
    private let database: any Database
    private let sources: Sources
    private let pause: Duration

    /// - Parameters:
    ///   - database: holds the tables of ``migrations``.
    ///   - pause: how long `card_slow` and `card_timeout_after_charge` keep a caller waiting.
    public init(_ database: any Database, sources: Sources = .system, pause: Duration = .milliseconds(1500)) {
        self.database = database
        self.sources = sources
        self.pause = pause
    }

    /// The sandbox's tables, for `Migration.load` with those of the service that it is built into; they come first.
    public static let migrations: [(name: String, bytes: [UInt8])] = [
        ("m0001_sandbox_payments.sqlite.sql", PackageResources.m0001_sandbox_payments_sqlite_sql),
        ("m0001_sandbox_payments.postgres.sql", PackageResources.m0001_sandbox_payments_postgres_sql),
    ]

    public func authorize(_ id: Identifier, amount: Money, method: PaymentMethod) async throws -> Authorization {
        let now = sources.now()
        if method == .slow { try await Task.sleep(for: pause) }
        let (answer, isFirst) = try await database.withTransaction { transaction -> (Authorization?, Bool) in
            let store = PaymentStore(transaction)
            // Of several that come at once one makes the row; the others wait for it, and find what it has become.
            let isNew = try await store.insertTry(id, amount: amount, method: method, at: now)
            if isNew, method == .failThenSucceed { return (nil, true) }
            if !isNew, let known = try await store.lock(id), let state = known.state { return (Self.answer(state, known.decline), false) }
            let decline = method.decline
            try await store.settle(id, as: decline == nil ? .authorized : .declined, decline: decline, amount: amount, method: method, at: now)
            if decline == nil { try await store.book(id, .authorize, amountMinor: amount.amountMinor, at: now) }
            return (decline.map { .declined($0) } ?? .authorized, true)
        }
        guard let answer else { throw PaymentTimeout() }
        if isFirst, method == .timeoutAfterCharge {
            try await Task.sleep(for: pause)
            throw PaymentTimeout()
        }
        return answer
    }

    public func capture(_ id: Identifier) async throws -> PaymentAnswer {
        try await change(id, from: .authorized, to: .captured, booking: .capture)
    }

    public func refund(_ id: Identifier) async throws -> PaymentAnswer {
        try await change(id, from: .captured, to: .refunded, booking: .refund)
    }

    public func void(_ id: Identifier) async throws -> PaymentAnswer {
        let now = sources.now()
        return try await database.withTransaction { transaction in
            let store = PaymentStore(transaction)
            if try await store.insertVoid(id, at: now) { return .done }
            guard let known = try await store.lock(id) else { return .done }
            switch known.state {
            case .voided, .declined, .refunded: return .done
            case .captured: return .refused(.captured)
            case .authorized, nil:
                try await store.setState(.voided, of: id, at: now)
                if known.state == .authorized { try await store.book(id, .void, amountMinor: known.amount?.amountMinor ?? 0, at: now) }
                return .done
            }
        }
    }

    public func payment(_ id: Identifier) async throws -> Payment? {
        guard let known = try await PaymentStore(database).find(id), let state = known.state else { return nil }
        return Payment(id: id, state: state, amount: known.amount, method: known.method)
    }

    // MARK: -

    private func change(_ id: Identifier, from: PaymentState, to: PaymentState, booking: PaymentStore.Entry) async throws -> PaymentAnswer {
        let now = sources.now()
        return try await database.withTransaction { transaction in
            let store = PaymentStore(transaction)
            // Of an id never seen there is nothing to move, which is what "voided" says.
            guard let known = try await store.lock(id), let state = known.state else { return .refused(.voided) }
            if state == to { return .done }
            guard state == from else { return .refused(state) }
            try await store.setState(to, of: id, at: now)
            try await store.book(id, booking, amountMinor: known.amount?.amountMinor ?? 0, at: now)
            return .done
        }
    }

    private static func answer(_ state: PaymentState, _ decline: Decline?) -> Authorization {
        switch state {
        case .declined: .declined(decline ?? .cardDeclined)
        case .voided, .refunded: .alreadyUndone
        case .authorized, .captured: .authorized
        }
    }
}

extension PaymentMethod {
    /// Why the card is always declined; nil for the others.
    fileprivate var decline: Decline? {
        switch self {
        case .decline: .cardDeclined
        case .insufficientFunds: .insufficientFunds
        case .approve, .slow, .timeoutAfterCharge, .failThenSucceed: nil
        }
    }
}
