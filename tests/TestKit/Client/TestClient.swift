public import HTTPPath
public import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOPosix
import Resilience

/// Talks real HTTP/1.1 over a real socket, one connection a request, and validates nothing on the way out: what a test wants to
/// send is what is sent. Every exchange is recorded if `HELLO_DD_EXCHANGES` names a folder.
public struct TestClient: Sendable {
    public let service: String
    public let port: Int
    public let tokens: Tokens
    private let recorder: ExchangeRecorder?

    public init(service: String, port: Int, tokens: Tokens) {
        self.service = service
        self.port = port
        self.tokens = tokens
        recorder = ExchangeRecorder(service: service)
    }

    private init(unrecorded client: TestClient) {
        service = client.service
        port = client.port
        tokens = client.tokens
        recorder = nil
    }

    /// The same, but nothing is recorded: for a service with a double behind it, whose answers are not those of its contract.
    public var unrecorded: TestClient { TestClient(unrecorded: self) }

    public var baseURL: String { "http://127.0.0.1:\(port)" }

    public func get(_ path: String, as caller: Caller = .anonymous, headers: HTTPFields = [:]) async throws -> Exchange {
        try await send("GET", path, as: caller, headers: headers)
    }

    public func post(_ path: String, json: JSON, as caller: Caller = .anonymous, headers: HTTPFields = [:]) async throws -> Exchange {
        try await send("POST", path, as: caller, headers: headers, body: json.bytes, contentType: "application/json")
    }

    /// With a body that is JSON by its type and may be anything by its bytes.
    public func post(_ path: String, json: String, as caller: Caller = .anonymous, headers: HTTPFields = [:]) async throws -> Exchange {
        try await send("POST", path, as: caller, headers: headers, body: Array(json.utf8), contentType: "application/json")
    }

    /// Without a body.
    public func post(_ path: String, as caller: Caller = .anonymous, headers: HTTPFields = [:]) async throws -> Exchange {
        try await send("POST", path, as: caller, headers: headers)
    }

    public func put(_ path: String, json: JSON, as caller: Caller = .anonymous, headers: HTTPFields = [:]) async throws -> Exchange {
        try await send("PUT", path, as: caller, headers: headers, body: json.bytes, contentType: "application/json")
    }

    public func put(_ path: String, json: String, as caller: Caller = .anonymous, headers: HTTPFields = [:]) async throws -> Exchange {
        try await send("PUT", path, as: caller, headers: headers, body: Array(json.utf8), contentType: "application/json")
    }

    public func patch(_ path: String, json: JSON, as caller: Caller = .anonymous, headers: HTTPFields = [:]) async throws -> Exchange {
        try await send("PATCH", path, as: caller, headers: headers, body: json.bytes, contentType: "application/json")
    }

    public func delete(_ path: String, as caller: Caller = .anonymous, headers: HTTPFields = [:]) async throws -> Exchange {
        try await send("DELETE", path, as: caller, headers: headers)
    }

    /// Any request.
    /// - Parameters:
    ///   - path: path and query as they go on the wire; nothing is encoded.
    ///   - headers: win over the caller's token.
    ///   - chunked: send the body with `Transfer-Encoding: chunked` and without its length.
    ///   - timeout: how long to wait for the whole answer.
    /// - Throws: whatever the socket says, or `DeadlineExceeded`: a test's request that gets no answer is a failed test.
    public func send(
        _ method: String, _ path: String, as caller: Caller = .anonymous, headers: HTTPFields = [:], body: [UInt8]? = nil,
        contentType: String? = nil, chunked: Bool = false, timeout: Duration = .seconds(300)
    ) async throws -> Exchange {
        var fields = HTTPHeaders([("Connection", "close")])
        if !headers.contains(where: { $0.name.canonicalName == "host" }) { fields.add(name: "Host", value: "127.0.0.1:\(port)") }
        for field in try await tokens.headers(caller) where headers[field.name] == nil { fields.add(name: field.name.rawName, value: field.value) }
        if let contentType { fields.add(name: "Content-Type", value: contentType) }
        if let body {
            if chunked {
                fields.add(name: "Transfer-Encoding", value: "chunked")
            } else {
                fields.add(name: "Content-Length", value: String(body.count))
            }
        } else if method != "GET" && method != "HEAD" {
            fields.add(name: "Content-Length", value: "0")
        }
        for field in headers { fields.add(name: field.name.rawName, value: field.value) }
        let head = HTTPRequestHead(version: .http1_1, method: .init(rawValue: method), uri: path, headers: fields)
        let port = port
        let answer = try await Deadline.none {
            try await withTimeout(timeout) { try await Wire.exchange(port: port, head: head, body: body.map { ByteBuffer(bytes: $0) }) }
        }
        let exchange = Exchange(
            method: method, url: baseURL + path, requestHeaders: fields.map { ($0.name, $0.value) }, requestBody: body,
            status: Int(answer.head.status.code), headers: answer.fields, body: answer.body)
        recorder?.record(exchange)
        return exchange
    }
}

/// One request and its answer on a connection of its own.
enum Wire {
    struct Answer: Sendable {
        var head: HTTPResponseHead
        var body: ByteBuffer

        var fields: HTTPFields {
            var fields = HTTPFields()
            for (name, value) in head.headers {
                if let name = HTTPField.Name(name) { fields.append(HTTPField(name: name, value: value)) }
            }
            return fields
        }
    }

    typealias Channel = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

    static func exchange(port: Int, head: HTTPRequestHead, body: ByteBuffer?) async throws -> Answer {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers(enableOutboundHeaderValidation: false)
                    return try Channel(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await withThrowingTaskGroup(of: Answer?.self) { group in
                group.addTask {
                    // A server may answer and close before it has read everything: then the answer counts, and not this error.
                    try? await write(head, body, to: outbound)
                    return nil
                }
                group.addTask { try await read(inbound) }
                defer { group.cancelAll() }
                while let result = try await group.next() {
                    if let answer = result { return answer }
                }
                throw TestKitError("the connection closed without an answer")
            }
        }
    }

    private static func write(
        _ head: HTTPRequestHead, _ body: ByteBuffer?, to outbound: NIOAsyncChannelOutboundWriter<HTTPClientRequestPart>
    ) async throws {
        try await outbound.write(.head(head))
        if var body {
            while let slice = body.readSlice(length: min(body.readableBytes, 16 << 10)), slice.readableBytes > 0 {
                try await outbound.write(.body(.byteBuffer(slice)))
            }
        }
        try await outbound.write(.end(nil))
    }

    private static func read(_ inbound: NIOAsyncChannelInboundStream<HTTPClientResponsePart>) async throws -> Answer {
        var answer: Answer?
        for try await part in inbound {
            switch part {
            case .head(let head): answer = Answer(head: head, body: ByteBuffer())
            case .body(let bytes): answer?.body.writeImmutableBuffer(bytes)
            case .end:
                if let answer { return answer }
            }
        }
        throw TestKitError("the connection closed before the answer was whole")
    }
}
