import Database
import Resilience
import Testing

@Suite(.timeLimit(.minutes(5))) struct PostgresNotificationTests {
    private typealias Event = PostgresNotifications.Event

    private func notification(_ payload: String, on channel: String) -> Event {
        .notification(PostgresNotification(channel: channel, payload: payload))
    }

    /// The number of connections that listen to a channel.
    private func listeners(_ channel: String) -> SQL {
        "(SELECT count(*) FROM pg_stat_activity WHERE query LIKE \("LISTEN \"" + channel.replacing("\"", with: "\"\"") + "\"") AND state = 'idle')"
    }

    private static func channel() -> String { "channel-\(UInt64.random(in: 0...(.max)))" }

    @Test("a listener is told that it listens, and then what is sent, in order", arguments: ["plain", "With \"quotes\" and ümlauts"])
    func order(name: String) async throws {
        try await Store.withPostgres { database, _ in
            let channel = "\(name) \(UInt32.random(in: 0...(.max)))"
            let events = database.notifications(on: channel).makeAsyncIterator()
            #expect(await events.next() == .gap)
            for payload in ["one", "", "drei 東京"] { try await database.query("SELECT pg_notify(\(channel), \(payload))") }
            for payload in ["one", "", "drei 東京"] { #expect(await events.next() == notification(payload, on: channel)) }
        }
    }

    @Test("what is sent in a transaction arrives when it commits, and never if it does not")
    func transactional() async throws {
        try await Store.withPostgres { database, _ in
            let channel = Self.channel()
            let events = database.notifications(on: channel).makeAsyncIterator()
            #expect(await events.next() == .gap)
            await #expect(throws: Refusal.self) {
                try await database.withTransaction { transaction in
                    try await transaction.query("SELECT pg_notify(\(channel), 'never')")
                    throw Refusal()
                }
            }
            try await database.withTransaction { try await $0.query("SELECT pg_notify(\(channel), 'committed')") }
            #expect(await events.next() == notification("committed", on: channel))
        }
    }

    @Test("each iterator listens for itself, beside the pool's connections")
    func several() async throws {
        try await Store.withPostgres(connections: 1) { database, _ in
            let channel = Self.channel()
            let first = database.notifications(on: channel).makeAsyncIterator()
            let second = database.notifications(on: channel).makeAsyncIterator()
            #expect(await first.next() == .gap)
            #expect(await second.next() == .gap)
            try await database.query("SELECT pg_notify(\(channel), 'both')")
            #expect(await first.next() == notification("both", on: channel))
            #expect(await second.next() == notification("both", on: channel))
        }
    }

    @Test("after its connection was lost a listener is told that something may be missing, and goes on")
    func reconnecting() async throws {
        try await Store.withPostgres { database, administrator in
            let channel = Self.channel()
            let events = database.notifications(on: channel).makeAsyncIterator()
            for round in 0..<3 {
                #expect(await events.next() == .gap)
                try await administrator.until("\(listeners(channel)) = 1")
                try await database.query("SELECT pg_notify(\(channel), \("\(round)"))")
                #expect(await events.next() == notification("\(round)", on: channel))
                try await administrator.database.query(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE \("LISTEN \"\(channel)\"")")
            }
        }
    }

    @Test("a reader that is slow finds a gap where notifications were dropped, and the latest behind it")
    func overflow() async throws {
        try await Store.withPostgres(connections: 1) { database, _ in
            let channel = Self.channel()
            let events = database.notifications(on: channel).makeAsyncIterator()
            #expect(await events.next() == .gap)
            let last = 5000
            // Each answer comes by the same thread that takes in what was sent before.
            for start in stride(from: 1, through: last, by: 500) {
                try await database.query("SELECT pg_notify(\(channel), n::text) FROM generate_series(\(start), \(start + 499)) AS n")
            }
            var (seen, read, gaps) = (0, 0, 0)
            while seen < last, let event = await events.next() {
                switch event {
                case .gap:
                    gaps += 1
                    seen = -1
                case .notification(let notification):
                    let number = Int(notification.payload)!
                    #expect(seen == -1 || number == seen + 1)
                    seen = number
                    read += 1
                }
            }
            #expect(gaps > 0)
            #expect(read < last)
        }
    }

    @Test("cancelling the task ends the sequence, and a sequence that nobody reads closes its connection")
    func cancellation() async throws {
        try await Store.withPostgres { database, administrator in
            let channel = Self.channel()
            let listening = DatabaseTests.Event()
            let task = Task {
                for await event in database.notifications(on: channel) {
                    #expect(event == .gap)
                    listening.happen()
                }
            }
            await listening.wait()
            try await administrator.until("\(listeners(channel)) = 1")
            task.cancel()
            await task.value
            try await administrator.until("\(listeners(channel)) = 0")
        }
    }

    @Test("a listener ends when the database is shut down, while it waits and afterwards")
    func shutdown() async throws {
        try await Store.withPostgres { database, _ in
            let listening = DatabaseTests.Event()
            let task = Task {
                var count = 0
                for await _ in database.notifications(on: Self.channel()) {
                    count += 1
                    listening.happen()
                }
                return count
            }
            await listening.wait()
            await database.shutdown()
            #expect(await task.value == 1)
            #expect(await database.notifications(on: Self.channel()).makeAsyncIterator().next() == nil)
        }
    }

    @Test("a listener that cannot connect goes on trying, and ends with its task")
    func unreachable() async throws {
        let proxy = try await Proxy.beforeServer()
        defer { proxy.end() }
        proxy.set(.refusing)
        try await Store.withPostgres(port: proxy.port) { database, _ in
            let task = Task { await database.notifications(on: Self.channel()).makeAsyncIterator().next() }
            while proxy.accepted < 3, !Task.isCancelled { await Task.yield() }
            task.cancel()
            #expect(await task.value == nil)
            let patient = Task { await database.notifications(on: Self.channel()).makeAsyncIterator().next() }
            while proxy.accepted < 5, !Task.isCancelled { await Task.yield() }
            proxy.set(.passing)
            #expect(await patient.value == .gap)
        }
    }

    @Test("a listener does not end at the deadline of whoever began it")
    func deadline() async throws {
        try await Store.withPostgres { database, _ in
            let channel = Self.channel()
            await Deadline.with(.after(.zero)) {
                let events = database.notifications(on: channel).makeAsyncIterator()
                #expect(await events.next() == .gap)
            }
        }
    }
}
