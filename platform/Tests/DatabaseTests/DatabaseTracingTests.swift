import Synchronization
import Telemetry
import Testing
import Tracing

@testable import Database

private final class KeptSpans: SpanSink {
    private let kept = Mutex<[SpanRecord]>([])

    var all: [SpanRecord] { kept.withLock { $0 } }

    func take(_ span: consuming SpanRecord) {
        let span = span
        kept.withLock { $0.append(span) }
    }
}

@Suite("Traces of statements")
struct DatabaseTracingTests {
    private let spans = KeptSpans()

    private func inTrace(_ body: () async throws -> Void) async rethrows {
        try await TelemetryTracer(sink: spans).begin("root").run { _ in try await body() }
    }

    @Test("a statement is a client span with its text and none of its values; outside of a trace there is none")
    func statement() async throws {
        let database = try SQLiteDatabase(.memory)
        try await database.execute("CREATE TABLE things (id INTEGER, secret TEXT)")
        #expect(spans.all.isEmpty)
        try await inTrace { try await database.execute("INSERT INTO things (id, secret) VALUES (\(7), \("hunter2"))") }
        let span = try #require(spans.all.first)
        #expect(span.name == "INSERT things")
        #expect(span.kind == .client)
        #expect(span[.dbSystem] == "sqlite")
        #expect(span[.dbOperation] == "INSERT")
        #expect(span[.dbQueryText] == "INSERT INTO things (id, secret) VALUES (?, ?)")
        #expect(span.status == .unset)
        #expect(span.parentID == spans.all.last?.context.spanID)
        await database.shutdown()
    }

    @Test("a transaction's statements are its children, and what its body throws is no fault of the database's")
    func transaction() async throws {
        struct Refused: Error {}
        let database = try SQLiteDatabase(.memory)
        try await database.execute("CREATE TABLE things (id INTEGER PRIMARY KEY)")
        await inTrace {
            _ = try? await database.withTransaction { try await $0.execute("INSERT INTO things VALUES (1)") }
            _ = try? await database.withTransaction { transaction in
                try await transaction.query("SELECT id FROM things")
                throw Refused()
            }
            _ = try? await database.withTransaction { try await $0.execute("INSERT INTO things VALUES (1)") }
        }
        let shown = spans.all.map { span in
            let parent = spans.all.first { $0.context.spanID == span.parentID }?.name ?? "-"
            let failed = span.status == .unset ? "" : " failed"
            return "\(parent)/\(span.name)\(failed)"
        }
        #expect(
            shown == [
                "TRANSACTION/INSERT things", "root/TRANSACTION", "TRANSACTION/SELECT things", "root/TRANSACTION", "TRANSACTION/INSERT things failed",
                "root/TRANSACTION failed", "-/root",
            ])
        #expect(spans.all[1]["db.transaction.outcome"] == "commit")
        #expect(spans.all[3]["db.transaction.outcome"] == "rollback")
        #expect(spans.all[4][.errorType] == "uniqueViolation")
        await database.shutdown()
    }

    @Test("a wait for a connection is an event of the statement that waited")
    func waiting() async throws {
        var meter = DatabaseInstruments.Meter()
        let pool = Pool([0], waiterLimit: 10, what: "the thing", name: "things")
        let instruments = DatabaseInstruments(system: "sqlite", namespace: nil)
        let lent = try await pool.checkout(&meter)
        try await inTrace {
            async let waited: Void = instruments.statement("SELECT 1") { meter in pool.checkin(try await pool.checkout(&meter)) }
            while pool.waiterCount == 0 { await Task.yield() }
            pool.checkin(lent)
            try await waited
        }
        #expect(spans.all.first?.events.map(\.name) == ["db.client.connection.wait"])
    }

    @Test("a batch with one caller is a span of that caller's trace")
    func batchOfOne() async throws {
        let batcher = Batcher<Int, Int>(named("things.read")) { inputs in
            TraceSpan.current?.record(child: "inside", kind: .client, start: 1, end: 2, attributes: [])
            return inputs.map { .success($0) }
        }
        try await inTrace { _ = try await batcher(1) }
        #expect(spans.all.map(\.name) == ["inside", "things.read", "root"])
        #expect(Set(spans.all.map(\.context.traceID)).count == 1)
        #expect(spans.all[0].parentID == spans.all[1].context.spanID)
        #expect(spans.all[1].parentID == spans.all[2].context.spanID)
    }

    @Test("a batch with several callers is a trace of its own, linked with each of theirs")
    func batchOfSeveral() async throws {
        let open = Atomic<Bool>(false)
        // The first batch holds the lane until two more calls wait.
        let batcher = Batcher<Int, Int>(named("things.read")) { inputs in
            while inputs == [0] && !open.load(ordering: .acquiring) { await Task.yield() }
            return inputs.map { .success($0) }
        }
        let first = Task { try await batcher(0) }
        while batcher.statistics.batches == 0 { await Task.yield() }
        async let one: Void = inTrace { _ = try await batcher(1) }
        async let two: Void = inTrace { _ = try await batcher(2) }
        while batcher.statistics.waiting < 2 { await Task.yield() }
        open.store(true, ordering: .releasing)
        _ = try await (first.value, one, two)
        let batch = try #require(spans.all.first { $0.name == "things.read" && $0.parentID == nil })
        let callers = spans.all.filter { $0.name == "root" }
        let waits = spans.all.filter { $0.name == "things.read" && $0.parentID != nil }
        #expect(Set(batch.links.map(\.context.traceID)) == Set(callers.map(\.context.traceID)))
        #expect(!callers.map(\.context.traceID).contains(batch.context.traceID))
        #expect(Set(waits.map(\.parentID)) == Set(callers.map(\.context.spanID)))
        #expect(waits.allSatisfy { $0.links.map(\.context.spanID) == [batch.context.spanID] })
        #expect(batch[.dbBatchSize] == 2)
    }

    private func named(_ name: String) -> Batcher<Int, Int>.Options {
        var options = Batcher<Int, Int>.Options()
        (options.lanes, options.name) = (1, name)
        return options
    }

    @Test(
        "a statement is named by its first word and its table",
        arguments: [
            ("SELECT id FROM things WHERE id = $1", "SELECT things"), ("  select\n  a, b\n  from things t", "SELECT things"),
            ("INSERT INTO things (id) VALUES (?)", "INSERT things"), ("UPDATE things SET a = 1", "UPDATE things"),
            ("DELETE FROM a.things", "DELETE a.things"), ("SELECT 1 AS one", "SELECT"), ("SELECT * FROM unnest($1::uuid[])", "SELECT"),
            ("SELECT * FROM (SELECT id FROM things)", "SELECT"), ("WITH x AS (SELECT 1) SELECT 1", "WITH"), ("PRAGMA user_version", "OTHER"),
            ("", "OTHER"), ("SELECT EXISTS (SELECT 1 FROM things)", "SELECT things"),
            ("SELECT \(String(repeating: "a, ", count: 500))1 FROM far", "SELECT"),
        ])
    func summary(_ text: String, _ name: String) {
        #expect(StatementSummary(text).name == name)
    }
}
