import Redis
import TestKit
import Testing

/// A server that is none, or a bad one.
@Suite(.timeLimit(.minutes(5))) struct RedisHostileServerTests {
    private func code(_ behaviour: RawBehaviour) async throws -> RedisError.Code? {
        try await withRawServer(behaviour) { port in
            var options = RedisOptions(port: port)
            options.connectTimeout = .milliseconds(500)
            options.commandTimeout = .seconds(60)
            let client = RedisClient(options)
            var found: RedisError.Code?
            do throws(RedisError) { _ = try await client.send(RedisCommand("PING")) } catch { found = error.code }
            await client.shutdown()
            return found
        }
    }

    @Test("nonsense, an end and silence are a server that is not to be had; a Redis without RESP3 is told")
    func greetings() async throws {
        #expect(try await code(.answerThenStall("HTTP/1.1 400 Bad Request\r\n\r\n")) == .unavailable)
        #expect(try await code(.answerThenClose("$999999999999\r\n")) == .unavailable)
        #expect(try await code(.closeAtOnce) == .unavailable)
        #expect(try await code(.answerThenStall("")) == .unavailable)
        #expect(try await code(.answerThenStall("-ERR unknown command 'HELLO'\r\n")) == .server)
        #expect(try await code(.answerThenStall("-NOPROTO unsupported protocol version\r\n")) == .server)
        let dead = try await withDeadPort { port in
            let client = RedisClient(RedisOptions(port: port))
            var found: RedisError.Code?
            do throws(RedisError) { _ = try await client.send(RedisCommand("PING")) } catch { found = error.code }
            await client.shutdown()
            return found
        }
        #expect(dead == .unavailable)
    }

    @Test("an answer that nobody asked for ends the connection, and who waits is told")
    func tooMany() async throws {
        // The greeting's answer, and at once one more that is no command's: then what follows could be given to the wrong caller.
        let found = try await code(.answerThenStall("%1\r\n+server\r\n+redis\r\n+PONG\r\n"))
        #expect(found == .unavailable || found == .protocolViolation || found == .connectionLost)
    }
}
