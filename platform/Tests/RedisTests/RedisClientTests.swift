import LocalServers
import NIOCore
import Redis
import Resilience
import Synchronization
import TestKit
import Testing

/// Against a real server.
@Suite(.timeLimit(.minutes(5))) struct RedisClientTests {
    private func withClient<T: Sendable>(
        _ server: LocalRedis? = nil, _ change: (inout RedisOptions) -> Void = { _ in }, _ body: (RedisClient) async throws -> T
    ) async throws -> T {
        let one: LocalRedis
        if let server { one = server } else { one = try await TestRedis.shared() }
        var options = try RedisOptions(url: one.url)
        // Longer than a busy machine needs; tests of time-outs set their own.
        options.commandTimeout = .seconds(60)
        options.connectTimeout = .seconds(60)
        options.silence = .seconds(60)
        change(&options)
        let client = RedisClient(options)
        let result: Result<T, any Error>
        do { result = .success(try await body(client)) } catch { result = .failure(error) }
        await client.shutdown()
        return try result.get()
    }

    private func code(_ body: () async throws -> Void) async -> RedisError.Code? {
        do { try await body() } catch { return (error as? RedisError)?.code }
        return nil
    }

    @Test("values of any bytes come back as they were")
    func bytes() async throws {
        try await withClient { (client) async throws in
            for (index, value) in [[], [0, 13, 10, 255], [UInt8](repeating: 7, count: 1_000_000)].enumerated() {
                let key = RedisCommand.Word.text("bytes:\(index)\r\n\u{0}é")
                #expect(try await client.ask("SET", key, .bytes(ByteBuffer(bytes: value)), "PX", 60_000).text == "OK")
                #expect(try await client.ask("GET", key).bytes == ByteBuffer(bytes: value))
            }
            #expect(try await client.ask("GET", "bytes:none").isNull)
            #expect(try await client.ask("INCRBY", "bytes:number", .integer(.max)).integer == .max)
        }
    }

    @Test("many callers at once each get the answer to their own command")
    func pipelining() async throws {
        try await withClient { (client) async throws in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<2000 {
                    group.addTask {
                        let answer = try await client.ask("ECHO", .text("\(number)"))
                        #expect(answer.text == "\(number)")
                    }
                }
                try await group.waitForAll()
            }
            let replies = try await client.pipeline([RedisCommand("SET", "pipe", "x"), RedisCommand("INCR", "pipe"), RedisCommand("GET", "pipe")])
            #expect(replies[0].text == "OK" && replies[2].text == "x")
            guard case .error(let error) = replies[1] else { throw TestKitError("no error in the pipeline") }
            #expect(error.code == "ERR")
        }
    }

    @Test("what the server refuses is told with its code, and never with what was sent")
    func refusals() async throws {
        try await withClient { (client) async throws in
            _ = try await client.ask("SET", "refused:s3cret", "x")
            do {
                _ = try await client.ask("LPUSH", "refused:s3cret", "s3cret")
                Issue.record("not refused")
            } catch let error as RedisError {
                #expect(error.code == .server && error.server?.code == "WRONGTYPE")
            }
            do {
                _ = try await client.ask("NOSUCH", "s3cret")
                Issue.record("not refused")
            } catch let error as RedisError {
                #expect(!error.description.contains("s3cret") && error.server?.message.contains("s3cret") == true)
            }
        }
    }

    @Test("a script is sent whole once and named afterwards, and again after the server forgot it")
    func scripts() async throws {
        try await TestRedis.withServer { server in
            try await withClient(server) { (client) async throws in
                let script = RedisScript("test", "redis.call('SET', KEYS[1], ARGV[1]) return {KEYS[1], ARGV[1], redis.call('INCR', 'runs')}")
                for run in 1...3 {
                    let reply = try await client.run(script, keys: ["a"], arguments: ["b"])
                    #expect(reply == .array([.string("a"), .string("b"), .integer(Int64(run))]))
                    if run == 2 { _ = try await client.ask("SCRIPT", "FLUSH") }
                }
            }
        }
    }

    @Test("a wrong password and a wrong database are told at once, and not as a server that is away")
    func credentials() async throws {
        func told(_ change: (inout RedisOptions) -> Void) async throws -> RedisError.Code? {
            try await withClient(nil, change) { client in await code { _ = try await client.ask("PING") } }
        }
        #expect(try await told { $0.password = "wrong" } == .authentication)
        #expect(try await told { $0.password = nil } == .authentication)
        #expect(try await told { $0.database = 999 } == .server)
    }

    @Test("TLS is checked by the authority that is given")
    func tls() async throws {
        try await TestRedis.withServer(tls: true) { server in
            try await withClient(server, { $0.tls = .init(authorities: server.certificate) }) { (client) async throws in
                let value = ByteBuffer(bytes: [UInt8](repeating: 1, count: 300_000))
                _ = try await client.ask("SET", "tls", .bytes(value))
                #expect(try await client.ask("GET", "tls").bytes == value)
            }
            for wrong in [RedisOptions.TLS(), nil] {
                let found = try await withClient(server, { $0.tls = wrong }) { (client) async throws in
                    await code { _ = try await client.ask("PING") }
                }
                #expect(found == .unavailable)
            }
        }
    }

    @Test("a server that is away is told at once after the first attempt, and found again when it is back")
    func recovery() async throws {
        try await TestRedis.withServer { server in
            try await withClient(server) { (client) async throws in
                _ = try await client.ask("SET", "a", "1")
                server.kill()
                await server.untilEnded()
                try await eventually(within: .seconds(60), "the loss is noticed") {
                    await code { _ = try await client.ask("PING") } == .unavailable
                }
                try await server.restart()
                try await eventually(within: .seconds(60), "the server is found again") { try await client.ask("PING").text == "PONG" }
                #expect(try await client.ask("GET", "a").isNull)
            }
        }
    }

    @Test("a command that its connection took with it may have been run; one that was never sent was not")
    func loss() async throws {
        try await TestRedis.withServer { server in
            try await withClient(server, { $0.connections = 1 }) { (client) async throws in
                _ = try await client.ask("PING")
                let blocked = Task { await code { _ = try await client.ask("BLPOP", "nothing", 0) } }
                try await eventually(within: .seconds(60), "the command waits") {
                    let probe = RedisClient(client.options)
                    let list = try await probe.ask("CLIENT", "LIST").text ?? ""
                    await probe.shutdown()
                    return list.contains("cmd=blpop")
                }
                server.kill()
                #expect(await blocked.value == .connectionLost)
            }
        }
    }

    @Test("a server that is held costs a caller its time limit or its deadline and no more, is given up in the end, and found again")
    func held() async throws {
        try await TestRedis.withServer { server in
            try await withClient(
                server,
                {
                    $0.connections = 1
                    $0.commandTimeout = .milliseconds(100)
                    $0.connectTimeout = .milliseconds(500)
                    $0.silence = .seconds(1)
                }
            ) { (client) async throws in
                try await eventually(within: .seconds(60), "connected") { try await client.ask("PING").text == "PONG" }
                server.pause()
                let found1 = await code { _ = try await client.ask("PING") }
                #expect(found1 == .timeout)
                let found2 = await code { try await Deadline.with(.after(.milliseconds(10))) { _ = try await client.ask("PING") } }
                #expect(found2 == .timeout)
                // The kernel still takes connections for a held server, which then do not answer the greeting.
                try await eventually(within: .seconds(60), "given up") {
                    await code { _ = try await client.ask("PING") } == .unavailable
                }
                server.resume()
                try await eventually(within: .seconds(60), "found again") { try await client.ask("PING").text == "PONG" }
            }
        }
    }

    @Test("who leaves a command does not disturb the answers of the others")
    func cancellation() async throws {
        try await withClient(
            nil, { $0.connections = 1 },
            { (client) async throws in
                await withTaskGroup(of: Void.self) { group in
                    for number in 0..<500 {
                        group.addTask {
                            let task = Task { try await client.ask("ECHO", .text("\(number)")) }
                            if number.isMultiple(of: 3) { task.cancel() }
                            do {
                                let answer = try await task.value
                                #expect(answer.text == "\(number)")
                            } catch {
                                #expect((error as? RedisError)?.code == .cancelled && number.isMultiple(of: 3))
                            }
                        }
                    }
                }
                #expect(try await client.ask("ECHO", "x").text == "x")
            })
    }

    @Test("what waits on a connection is bounded, and the bound is told")
    func bounds() async throws {
        try await TestRedis.withServer { server in
            try await withClient(
                server,
                {
                    $0.connections = 1
                    $0.pendingLimit = 10
                }
            ) { (client) async throws in
                _ = try await client.ask("PING")
                server.pause()
                let waiting = (0..<10).map { _ in Task { try await client.ask("PING") } }
                try await eventually(within: .seconds(60), "the queue is full") {
                    let task = Task { await code { _ = try await client.ask("PING") } }
                    let late = Task {
                        try await Task.sleep(for: .milliseconds(200))
                        task.cancel()
                    }
                    defer { late.cancel() }
                    return await task.value == .queueFull
                }
                server.resume()
                for task in waiting { _ = try? await task.value }
                #expect(try await client.ask("PING").text == "PONG")
            }
        }
    }

    @Test("what a message says reaches who listens, also after the connection was lost")
    func messages() async throws {
        try await TestRedis.withServer { server in
            try await withClient(server) { (client) async throws in
                let heard = Mutex<[String]>([])
                let connections = Atomic(0)
                let listener = client.listen([RedisCommand("SUBSCRIBE", "news"), RedisCommand("PSUBSCRIBE", "n?ws")]) { event in
                    switch event {
                    case .connected: connections.add(1, ordering: .relaxed)
                    case .message(let channel, let payload): heard.withLock { $0.append("\(channel) \(String(buffer: payload))") }
                    default: break
                    }
                }
                for round in 1...2 {
                    try await eventually(within: .seconds(60), "listens") { listener.isConnected && connections.load(ordering: .relaxed) == round }
                    try await eventually(within: .seconds(60), "two subscriptions") {
                        try await client.ask("PUBLISH", "news", .text("round \(round)")).integer == 2
                    }
                    try await eventually(within: .seconds(60), "heard twice") {
                        heard.withLock { $0.filter { $0 == "news round \(round)" }.count >= 2 }
                    }
                    _ = try? await client.ask("CLIENT", "KILL", "TYPE", "pubsub")
                }
            }
        }
    }

    @Test("each change of a key with the prefix is heard, whoever makes it, and after a loss it is said that things were missed")
    func invalidations() async throws {
        try await TestRedis.withServer { server in
            try await withClient(server) { (client) async throws in
                let heard = Mutex<[String]>([])
                let listener = client.invalidations(prefixes: ["cache:", "other:"]) { event in
                    let text: [String]
                    switch event {
                    case .connected: text = ["connected"]
                    case .lost: text = ["lost"]
                    case .invalidated(let keys): text = keys.map { String(buffer: $0) }
                    case .invalidatedAll: text = ["all"]
                    case .message: text = ["message"]
                    }
                    heard.withLock { $0 += text }
                }
                func hears(_ what: String) async throws {
                    try await eventually(within: .seconds(60), "hears \(what)") { heard.withLock { $0.last == what } }
                }
                try await hears("connected")
                _ = try await client.ask("SET", "nothing", "1")
                _ = try await client.ask("SET", "cache:a", "1")
                try await hears("cache:a")
                _ = try await client.ask("DEL", "cache:a")
                _ = try await client.ask("SET", "other:b", "1", "PX", 50)
                try await eventually(within: .seconds(60), "hears that it expired") { heard.withLock { $0.filter { $0 == "other:b" }.count == 2 } }
                _ = try await client.ask("FLUSHALL")
                try await hears("all")
                server.kill()
                try await hears("lost")
                try await server.restart()
                try await hears("connected")
                #expect(heard.withLock { !$0.contains("nothing") })
                await listener.shutdown()
                #expect(!listener.isConnected)
            }
        }
    }

    @Test("a listener notices a server that went silent without closing anything")
    func silence() async throws {
        try await TestRedis.withServer { server in
            try await withClient(server, { $0.silence = .milliseconds(500) }) { (client) async throws in
                let events = Mutex<[String]>([])
                _ = client.invalidations(prefixes: ["x"]) { event in
                    switch event {
                    case .connected: events.withLock { $0.append("connected") }
                    case .lost: events.withLock { $0.append("lost") }
                    default: break
                    }
                }
                try await eventually(within: .seconds(60), "connected") { events.withLock { $0.last == "connected" } }
                server.pause()
                try await eventually(within: .seconds(60), "lost") { events.withLock { $0.last == "lost" } }
                server.resume()
                try await eventually(within: .seconds(60), "connected again") { events.withLock { $0.last == "connected" } }
            }
        }
    }

    @Test("after the shutdown everything is refused, and who waited was told")
    func shutdown() async throws {
        try await withClient { (client) async throws in
            let blocked = Task { await code { _ = try await client.ask("BLPOP", "shutdown:nothing", 0) } }
            _ = try await client.ask("PING")
            await client.shutdown()
            #expect(await blocked.value == .closed)
            let found3 = await code { _ = try await client.ask("PING") }
            #expect(found3 == .closed)
        }
    }
}

extension RedisClient {
    /// `send` with an untyped error: within `#expect` the compiler does not see that a typed one is handled.
    fileprivate func ask(_ words: RedisCommand.Word...) async throws -> RESPValue { try await send(RedisCommand(words)) }
}
