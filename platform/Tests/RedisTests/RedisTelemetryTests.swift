import LocalServers
import Redis
import Telemetry
import TestKit
import Testing
import Tracing

@Suite(.timeLimit(.minutes(5))) struct RedisTelemetryTests {
    @Test("each command of a trace is a client span with its name, and with nothing of what it carries; what fails says why")
    func spans() async throws {
        let spans = RecordedSpans()
        var options = try RedisOptions(url: try await TestRedis.shared().url)
        (options.connectTimeout, options.commandTimeout, options.silence) = (.seconds(60), .seconds(60), .seconds(60))
        let client = RedisClient(options)
        try await TelemetryTracer(sink: spans.of("test")).begin("root").run { _ in
            _ = try await client.send(RedisCommand("SET", "telemetry:s3cret", "s3cret"))
            _ = try? await client.send(RedisCommand("LPUSH", "telemetry:s3cret", "s3cret"))
            _ = try await client.run(RedisScript("greet", "return 'hello'"), keys: [])
            _ = try await client.pipeline([RedisCommand("PING"), RedisCommand("PING")])
        }
        await client.shutdown()
        let names = spans.all.map(\.name)
        #expect(names.filter { $0 != "EVAL greet" } == ["SET", "LPUSH", "EVALSHA greet", "PIPELINE", "root"])
        let root = try #require(spans.named("root").first)
        for span in spans.all where span.name != "root" {
            #expect(span.kind == .client && span.parentID == root.context.spanID)
            #expect(span[.dbSystem] == "redis" && span[.serverAddress] == "127.0.0.1")
        }
        #expect(spans.named("LPUSH").first?[.errorType] == "server")
        #expect(spans.named("LPUSH").first?[.dbStatus] == "WRONGTYPE")
        #expect(spans.named("PIPELINE").first?[.dbBatchSize] == .int(2))
        // That the server did not know the script yet is no failure.
        #expect(spans.named("EVALSHA greet").first?.status == .unset)
        #expect(!"\(spans.all)".contains("s3cret"))
    }
}
