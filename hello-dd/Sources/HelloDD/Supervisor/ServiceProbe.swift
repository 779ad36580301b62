internal import AsyncHTTPClient
internal import Basics
internal import HTTPPath
internal import NIOCore
internal import NIOHTTP1

/// Asks a local service its health questions.
struct ServiceProbe: Sendable {
    struct Answer: Sendable {
        var status: Int
        var body: [UInt8]
    }

    /// Sends `GET path` to `host:port`; nil if no answer comes within the time.
    var get: @Sendable (_ host: String, _ port: Int, _ path: String, _ within: Duration) async -> Answer?

    /// Over HTTP. Every question is asked on its own connection soon enough: nothing is retried and nothing is followed.
    static func http(_ client: HTTPClient) -> ServiceProbe {
        ServiceProbe { host, port, path, within in
            let bracketed = host.contains(":") ? "[\(host)]" : host
            let request = HTTPClientRequest(url: "http://\(bracketed):\(port)\(path)")
            guard let response = try? await client.execute(request, timeout: .milliseconds(within.milliseconds)),
                // 1 MiB: the longest answer, /health, is a few kilobytes.
                let body = try? await response.body.collect(upTo: 1 << 20)
            else { return nil }
            return Answer(status: Int(response.status.code), body: Array(body.readableBytesView))
        }
    }

    /// Runs `body` with a probe over a client of its own.
    static func withHTTP<T: Sendable>(_ body: @Sendable (ServiceProbe) async throws -> T) async throws -> T {
        // A refused connection is an answer here (not up yet); the caller decides when to ask again.
        let client = HTTPClient.forServices()
        do {
            let result = try await body(.http(client))
            try await client.shutdown()
            return result
        } catch {
            try? await client.shutdown()
            throw error
        }
    }

    func isReady(host: String, port: Int) async -> Bool {
        await get(host, port, "/health/ready", .seconds(2))?.status == 200
    }

    /// Returns when the service is ready, or nil when this task is cancelled. Asks often at first (a start takes tens of
    /// milliseconds), later less.
    func untilReady(host: String, port: Int) async -> Bool {
        var pause = Duration.milliseconds(10)
        while !Task.isCancelled {
            if await isReady(host: host, port: port) { return true }
            try? await Task.sleep(for: pause)
            pause = min(.milliseconds(250), pause * 1.3)
        }
        return false
    }
}
