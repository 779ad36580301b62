public import AsyncHTTPClient
import Basics
public import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOPosix
import Resilience

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// An upstream reached over HTTP with async-http-client.
///
/// Each call carries the current `CallContext` and what is left of the current `Deadline`, and never waits longer than that.
public struct HTTPUpstream: Upstream {
    public let name: String
    let address: ServiceAddress
    let client: HTTPClient
    let timeout: Duration
    let maxBodyBytes: Int
    let authorization: @Sendable () async throws -> String?

    /// - Parameters:
    ///   - baseURL: scheme, host and port, such as `http://127.0.0.1:8001`.
    ///   - timeout: the longest a call may take when no deadline is nearer.
    ///   - maxBodyBytes: the longest answer that `send` collects.
    ///   - authorization: the `Authorization` header of each call; asked every time, so that a token can be renewed.
    public init(
        name: String, baseURL: String, client: HTTPClient, timeout: Duration = .seconds(2), maxBodyBytes: Int = 4 << 20,
        authorization: @escaping @Sendable () async throws -> String? = { nil }
    ) {
        self.init(
            name: name, address: ServiceAddress(baseURL), client: client, timeout: timeout, maxBodyBytes: maxBodyBytes, authorization: authorization)
    }

    /// The same for one of several addresses.
    public init(
        name: String, address: ServiceAddress, client: HTTPClient, timeout: Duration = .seconds(2), maxBodyBytes: Int = 4 << 20,
        authorization: @escaping @Sendable () async throws -> String? = { nil }
    ) {
        self.name = name
        self.address = address
        self.client = client
        self.timeout = timeout
        self.maxBodyBytes = maxBodyBytes
        self.authorization = authorization
    }

    public func send(_ request: UpstreamRequest) async throws(UpstreamError) -> UpstreamResponse {
        let limit = Deadline.current?.remaining ?? timeout
        let deadline = Deadline.after(min(limit, timeout))
        var outbound = try await prepare(request, deadline: deadline)
        if let body = request.body { outbound.body = .bytes(body) }
        let (client, bound, sent) = (client, maxBodyBytes, outbound)
        do {
            // The library's own deadline ends with the head of the answer; a body that stalls needs this one.
            return try await withTimeout(deadline.remaining) {
                let response = try await client.execute(sent, deadline: .now() + .microseconds(deadline.remaining.microseconds))
                let body = try await response.body.collect(upTo: bound)
                return UpstreamResponse(status: Int(response.status.code), headers: HTTPFields(response.headers), body: body)
            }
        } catch {
            throw Self.classify(error, name)
        }
    }

    public func stream(_ request: UpstreamRequest, body: UpstreamBody?) async throws(UpstreamError) -> UpstreamStream {
        // A stream lasts as long as its source does: only the deadline of the request bounds it.
        let deadline = Deadline.current ?? .after(.seconds(3600))
        var outbound = try await prepare(request, deadline: deadline)
        if let body { outbound.body = .stream(AnyByteBufferSequence(base: body), length: .unknown) }
        if let bytes = request.body { outbound.body = .bytes(bytes) }
        do {
            let response = try await client.execute(outbound, deadline: .now() + .microseconds(deadline.remaining.microseconds))
            return UpstreamStream(
                status: Int(response.status.code), headers: HTTPFields(response.headers), body: AnyByteBufferSequence(base: response.body))
        } catch {
            throw Self.classify(error, name)
        }
    }

    private func prepare(_ request: UpstreamRequest, deadline: Deadline) async throws(UpstreamError) -> HTTPClientRequest {
        guard !deadline.hasPassed else { throw UpstreamError(.timeout, upstream: name, detail: "no time was left to call it") }
        var headers = request.headers
        CallContext.current?.inject(into: &headers)
        headers[.requestTimeout] = String(max(1, deadline.remaining.milliseconds))
        do {
            if let token = try await authorization() { headers[.authorization] = token }
        } catch {
            throw UpstreamError(.unreachable, upstream: name, detail: "no service token could be made")
        }
        var outbound = HTTPClientRequest(url: address.baseURL + request.path)
        outbound.method = .init(rawValue: request.method.rawValue)
        if let host = address.host { outbound.headers.add(name: "Host", value: host) }
        for field in headers { outbound.headers.add(name: field.name.rawName, value: field.value) }
        return outbound
    }

    /// What a client library's error means for whoever must decide whether the call had an effect.
    private static func classify(_ error: any Error, _ name: String) -> UpstreamError {
        switch error {
        case is DeadlineExceeded: return UpstreamError(.timeout, upstream: name, detail: "no answer in time")
        case is CancellationError: return UpstreamError(.cancelled, upstream: name, detail: "the caller gave up")
        case is NIOTooManyBytesError: return UpstreamError(.answerTooLarge, upstream: name, detail: "the answer is too large")
        case let error as HTTPClientError:
            switch error {
            case .connectTimeout, .getConnectionFromPoolTimeout, .alreadyShutdown, .invalidURL, .emptyHost, .emptyScheme:
                return UpstreamError(.unreachable, upstream: name, detail: error.shortDescription)
            case .deadlineExceeded, .readTimeout, .writeTimeout:
                return UpstreamError(.timeout, upstream: name, detail: "no answer in time")
            case .cancelled: return UpstreamError(.cancelled, upstream: name, detail: "the caller gave up")
            default: return UpstreamError(.interrupted, upstream: name, detail: error.shortDescription)
            }
        case is NIOConnectionError: return UpstreamError(.unreachable, upstream: name, detail: "nothing answers at its address")
        case let error as IOError where error.errnoCode == ECONNREFUSED:
            return UpstreamError(.unreachable, upstream: name, detail: "nothing answers at its address")
        default: return UpstreamError(.interrupted, upstream: name, detail: "the connection broke")
        }
    }
}

/// The library wants a concrete sequence type.
private struct AnyByteBufferSequence: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    let base: UpstreamBody

    struct AsyncIterator: AsyncIteratorProtocol {
        var base: any AsyncIteratorProtocol<ByteBuffer, any Error>

        mutating func next() async throws -> ByteBuffer? { try await base.next() }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(base: base.makeAsyncIterator()) }
}

extension HTTPFields {
    /// Hop-by-hop headers (RFC 9110, 7.6.1) end here.
    init(_ headers: HTTPHeaders) {
        self.init()
        reserveCapacity(headers.count)
        for (name, value) in headers {
            guard let name = HTTPField.Name(name), !Self.hopByHop.contains(name) else { continue }
            append(HTTPField(name: name, value: value))
        }
    }

    /// What concerns one connection only, and is never passed on.
    public static let hopByHop: Set<HTTPField.Name> = [
        .connection, .transferEncoding, .te, .trailer, .upgrade, .proxyAuthenticate, .proxyAuthorization, HTTPField.Name("Keep-Alive")!,
        HTTPField.Name("Proxy-Connection")!,
    ]
}

extension HTTPClient {
    /// A client as calls between services want it: keep-alive, no redirect followed, no connection retried behind the caller's back.
    public static func forServices(connectTimeout: Duration = .milliseconds(500), connections: Int = 256) -> HTTPClient {
        var configuration = HTTPClient.Configuration()
        configuration.httpVersion = .http1Only
        configuration.redirectConfiguration = .disallow
        configuration.timeout.connect = .microseconds(connectTimeout.microseconds)
        // Nothing bounds a streamed body but its source; a source that says nothing for so long has gone.
        configuration.timeout.read = .seconds(60)
        // Idle ones are closed before the other side's idle time-out of 60 s.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = connections
        configuration.connectionPool.idleTimeout = .seconds(30)
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }
}
