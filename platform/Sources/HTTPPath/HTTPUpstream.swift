public import AsyncHTTPClient
import Basics
public import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOPosix
import Resilience
import Synchronization
import Telemetry

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// An upstream reached over HTTP with async-http-client.
///
/// Each call is a span of the current trace, carries it and the current `CallContext`, and what is left of the current `Deadline`, and never waits
/// longer than that.
public struct HTTPUpstream: Upstream {
    public let name: String
    let address: ServiceAddress
    private let peer: UpstreamCall.Peer
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
        peer = UpstreamCall.Peer(name: name, baseURL: address.baseURL)
        self.client = client
        self.timeout = timeout
        self.maxBodyBytes = maxBodyBytes
        self.authorization = authorization
    }

    public func send(_ request: UpstreamRequest) async throws(UpstreamError) -> UpstreamResponse {
        let limit = Deadline.current?.remaining ?? timeout
        let deadline = Deadline.after(min(limit, timeout))
        let call = UpstreamCall(peer, request)
        var outbound = try await prepare(request, call, deadline: deadline)
        if let body = request.body { outbound.body = .bytes(body) }
        let (client, bound, sent) = (client, maxBodyBytes, outbound)
        let head = AnswerHead()
        do {
            // The library's own deadline ends with the head of the answer; a body that stalls needs this one.
            let answer = try await withTimeout(deadline.remaining) {
                let response = try await client.execute(sent, deadline: .now() + .microseconds(deadline.remaining.microseconds))
                head.status.store(Int(response.status.code), ordering: .relaxed)
                let body = try await response.body.collect(upTo: bound)
                return UpstreamResponse(status: Int(response.status.code), headers: HTTPFields(response.headers), body: body)
            }
            call.end(status: answer.status)
            return answer
        } catch {
            throw Self.failure(error, call, name, status: head.known)
        }
    }

    public func stream(_ request: UpstreamRequest, body: UpstreamBody?) async throws(UpstreamError) -> UpstreamStream {
        // A stream lasts as long as its source does: only the deadline of the request bounds it.
        let deadline = Deadline.current ?? .after(.seconds(3600))
        let call = UpstreamCall(peer, request)
        var outbound = try await prepare(request, call, deadline: deadline)
        if let body { outbound.body = .stream(AnyByteBufferSequence(base: body), length: .unknown) }
        if let bytes = request.body { outbound.body = .bytes(bytes) }
        do {
            let response = try await client.execute(outbound, deadline: .now() + .microseconds(deadline.remaining.microseconds))
            let status = Int(response.status.code)
            return UpstreamStream(
                status: status, headers: HTTPFields(response.headers),
                body: AnyByteBufferSequence(base: response.body, call: call, name: name, status: status))
        } catch {
            throw Self.failure(error, call, name, status: nil)
        }
    }

    private func prepare(_ request: UpstreamRequest, _ call: UpstreamCall, deadline: Deadline) async throws(UpstreamError) -> HTTPClientRequest {
        guard !deadline.hasPassed else {
            let error = UpstreamError(.timeout, upstream: name, detail: "no time was left to call it")
            call.end(status: nil, error: error)
            throw error
        }
        var headers = request.headers
        CallContext.current?.inject(into: &headers)
        call.inject(into: &headers)
        headers[.requestTimeout] = String(max(1, deadline.remaining.milliseconds))
        do {
            if let token = try await authorization() { headers[.authorization] = token }
        } catch {
            let error = UpstreamError(.unreachable, upstream: name, detail: "no service token could be made")
            call.end(status: nil, error: error)
            throw error
        }
        var outbound = HTTPClientRequest(url: address.baseURL + request.path)
        outbound.method = .init(rawValue: request.method.rawValue)
        if let host = address.host { outbound.headers.add(name: "Host", value: host) }
        for field in headers { outbound.headers.add(name: field.name.rawName, value: field.value) }
        return outbound
    }

    private static func failure(_ error: any Error, _ call: UpstreamCall, _ name: String, status: Int?) -> UpstreamError {
        let error = classify(error, name)
        call.end(status: status, error: error)
        return error
    }

    /// What a client library's error means for whoever must decide whether the call had an effect.
    fileprivate static func classify(_ error: any Error, _ name: String) -> UpstreamError {
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

/// The status of an answer whose body may still break off.
private final class AnswerHead: Sendable {
    let status = Atomic<Int>(0)
    var known: Int? {
        let status = status.load(ordering: .relaxed)
        return status == 0 ? nil : status
    }
}

/// The library wants a concrete sequence type.
private struct AnyByteBufferSequence: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    let base: UpstreamBody
    /// Ends with the body.
    var call: UpstreamCall?
    var name = ""
    var status: Int?

    struct AsyncIterator: AsyncIteratorProtocol {
        var base: any AsyncIteratorProtocol<ByteBuffer, any Error>
        let call: UpstreamCall?
        let name: String
        let status: Int?

        mutating func next() async throws -> ByteBuffer? {
            do {
                let part = try await base.next()
                if part == nil { call?.end(status: status) }
                return part
            } catch {
                call?.end(status: status, error: HTTPUpstream.classify(error, name))
                throw error
            }
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(base: base.makeAsyncIterator(), call: call, name: name, status: status) }
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
        // `HTTPUpstream` makes the span, which ends with the body and knows the template.
        configuration.tracing.tracer = nil
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
