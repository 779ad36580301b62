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
        ("m0001_sandbox_payments.sql", PackageResources.m0001_sandbox_payments_sql)
    ]

    public func authorize(_ id: Identifier, amount: Money, method: PaymentMethod) async throws -> Authorization {
        let now = sources.now()
        if method == .slow { try await Task.sleep(for: pause) }
        let (answer, isFirst, failsNow) = try await database.withTransaction { transaction -> (Authorization, Bool, Bool) in
            if let known = try await Self.row(id, transaction), known.state != "new" {
                return (try Self.answer(known), false, false)
            }
            if method == .failThenSucceed, try await Self.row(id, transaction) == nil {
                try await Self.insert(id, "new", amount, method, nil, now, transaction)
                return (.authorized, true, true)
            }
            let decline: Decline? = method == .decline ? .cardDeclined : method == .insufficientFunds ? .insufficientFunds : nil
            let state = decline == nil ? "authorized" : "declined"
            try await Self.insert(id, state, amount, method, decline, now, transaction)
            if decline == nil { try await Self.book(id, "authorize", amount.amountMinor, now, transaction) }
            return (decline.map { .declined($0) } ?? .authorized, true, false)
        }
        if failsNow { throw PaymentTimeout() }
        if isFirst, method == .timeoutAfterCharge {
            try await Task.sleep(for: pause)
            throw PaymentTimeout()
        }
        return answer
    }

    public func capture(_ id: Identifier) async throws -> PaymentAnswer {
        try await change(id, from: .authorized, to: .captured, booking: "capture")
    }

    public func refund(_ id: Identifier) async throws -> PaymentAnswer {
        try await change(id, from: .captured, to: .refunded, booking: "refund")
    }

    public func void(_ id: Identifier) async throws -> PaymentAnswer {
        let now = sources.now()
        return try await database.withTransaction { transaction in
            guard let known = try await Self.row(id, transaction) else {
                try await transaction.execute(
                    "INSERT INTO sandbox_payments (id, state, updated_at) VALUES (\(id), 'voided', \(now))")
                return .done
            }
            switch known.state {
            case "voided", "declined", "refunded": return .done
            case "captured": return .refused(.captured)
            default:
                try await transaction.execute("UPDATE sandbox_payments SET state = 'voided', updated_at = \(now) WHERE id = \(id)")
                if known.state == "authorized" { try await Self.book(id, "void", known.amountMinor ?? 0, now, transaction) }
                return .done
            }
        }
    }

    public func payment(_ id: Identifier) async throws -> Payment? {
        guard let known = try await Self.row(id, database), let state = PaymentState(rawValue: known.state) else { return nil }
        let amount = known.amountMinor.flatMap { minor in known.currency.flatMap(Currency.init).map { Money(amountMinor: minor, currency: $0) } }
        return Payment(id: id, state: state, amount: amount, method: known.method.flatMap(PaymentMethod.init))
    }

    // MARK: -

    private func change(_ id: Identifier, from: PaymentState, to: PaymentState, booking: String) async throws -> PaymentAnswer {
        let now = sources.now()
        return try await database.withTransaction { transaction in
            guard let known = try await Self.row(id, transaction), let state = PaymentState(rawValue: known.state) else { return .refused(.voided) }
            if state == to { return .done }
            guard state == from else { return .refused(state) }
            try await transaction.execute("UPDATE sandbox_payments SET state = \(to.rawValue), updated_at = \(now) WHERE id = \(id)")
            try await Self.book(id, booking, known.amountMinor ?? 0, now, transaction)
            return .done
        }
    }

    private struct Known {
        let state: String
        let decline: String?
        let amountMinor: Int64?
        let currency: String?
        let method: String?
    }

    private static func row(_ id: Identifier, _ runner: any SQLRunner) async throws -> Known? {
        try await runner.query("SELECT state, decline_code, amount_minor, currency, method FROM sandbox_payments WHERE id = \(id)").first.map { row in
            Known(
                state: try row.decode("state"), decline: try row.decode("decline_code"), amountMinor: try row.decode("amount_minor"),
                currency: try row.decode("currency"), method: try row.decode("method"))
        }
    }

    private static func answer(_ known: Known) throws -> Authorization {
        switch known.state {
        case "declined": .declined(known.decline.flatMap(Decline.init) ?? .cardDeclined)
        case "voided", "refunded": .alreadyUndone
        default: .authorized
        }
    }

    private static func insert(
        _ id: Identifier, _ state: String, _ amount: Money, _ method: PaymentMethod, _ decline: Decline?, _ now: Timestamp, _ runner: any SQLRunner
    ) async throws {
        try await runner.execute(
            """
            INSERT INTO sandbox_payments (id, state, decline_code, amount_minor, currency, method, updated_at)
            VALUES (\(id), \(state), \(decline?.rawValue as String?), \(amount.amountMinor), \(amount.currency.description), \(method.rawValue), \(now))
            ON CONFLICT (id) DO UPDATE SET state = excluded.state, decline_code = excluded.decline_code, updated_at = excluded.updated_at
            """)
    }

    private static func book(_ id: Identifier, _ kind: String, _ amountMinor: Int64, _ now: Timestamp, _ runner: any SQLRunner) async throws {
        try await runner.execute(
            "INSERT INTO sandbox_ledger (payment_id, kind, amount_minor, at) VALUES (\(id), \(kind), \(amountMinor), \(now))")
    }
}
