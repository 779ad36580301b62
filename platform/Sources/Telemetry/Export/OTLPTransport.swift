internal import AsyncHTTPClient
internal import Basics
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// What carries an export to the collector; a test puts another in its place.
protocol OTLPTransport: Sendable {
    /// - Throws: whatever kept an answer from coming.
    func post(_ body: ByteBuffer, to target: ExportTarget) async throws -> OTLPAnswer
    func shutdown() async
}

struct OTLPAnswer: Sendable {
    var status: Int
    /// `Retry-After` in seconds, where it says so; a date is taken as not said.
    var retryAfter: Int?
    var body: ByteBuffer
}

/// Where one signal goes.
public struct ExportTarget: Hashable, Sendable {
    public var url: String
    public var headers: [Header]
    /// How long one request may take.
    public var timeout: Duration

    public struct Header: Hashable, Sendable {
        public let name: String
        /// May be a key: never logged.
        public let value: String
    }

    public init(url: String, headers: [Header] = [], timeout: Duration = .seconds(10)) {
        self.url = url
        self.headers = headers
        self.timeout = timeout
    }
}

/// async-http-client on an event loop of its own, so that exports and requests do not wait for each other.
final class HTTPTransport: OTLPTransport {
    /// Bytes of an answer that are looked at; a collector has little to say.
    private static let longestAnswer = 64 << 10

    private let group: MultiThreadedEventLoopGroup
    private let client: HTTPClient

    init() {
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var configuration = HTTPClient.Configuration()
        configuration.httpVersion = .http1Only
        configuration.redirectConfiguration = .disallow
        configuration.timeout.connect = .seconds(5)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 2
        // The exporter repeats what is worth repeating; the client's own attempts would only hide what is wrong.
        configuration.connectionPool.retryConnectionEstablishment = false
        // Exports are not traced: each would make another.
        configuration.tracing.tracer = nil
        client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
    }

    func post(_ body: ByteBuffer, to target: ExportTarget) async throws -> OTLPAnswer {
        var request = HTTPClientRequest(url: target.url)
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/x-protobuf")
        request.headers.add(name: "user-agent", value: "hello-dd-telemetry/\(Telemetry.libraryVersion)")
        for header in target.headers { request.headers.replaceOrAdd(name: header.name, value: header.value) }
        request.body = .bytes(body)
        let deadline = NIODeadline.now() + .nanoseconds(target.timeout.microseconds * 1000)
        let response = try await client.execute(request, deadline: deadline)
        return OTLPAnswer(
            status: Int(response.status.code), retryAfter: response.headers.first(name: "retry-after").flatMap { Int($0) },
            body: await collect(response.body, until: deadline))
    }

    /// The body, as far as it is looked at. A collector that stops in the middle of an answer has answered: its status counts.
    private func collect(_ body: HTTPClientResponse.Body, until deadline: NIODeadline) async -> ByteBuffer {
        await withThrowingTaskGroup(of: ByteBuffer?.self) { group in
            group.addTask { try await body.collect(upTo: Self.longestAnswer) }
            group.addTask {
                let left = deadline - .now()
                try await Task.sleep(for: .nanoseconds(max(0, left.nanoseconds)))
                return nil
            }
            defer { group.cancelAll() }
            return (try? await group.next()).flatMap { $0 } ?? ByteBuffer()
        }
    }

    func shutdown() async {
        try? await client.shutdown()
        try? await group.shutdownGracefully()
    }
}
