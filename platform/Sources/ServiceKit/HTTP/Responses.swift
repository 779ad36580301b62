public import HTTPPath
public import HTTPTypes
public import Hummingbird
public import NIOCore

extension Response {
    /// A JSON answer.
    public static func json(_ value: some JSONWritable, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        .json(bytes: JSONWriter.bytes(value), status: status, headers: headers)
    }

    /// A JSON answer whose bytes exist already.
    public static func json(bytes: ByteBuffer, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        .bytes(bytes, type: "application/json", status: status, headers: headers)
    }

    public static func bytes(_ bytes: ByteBuffer, type: String, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = type
        headers[.contentLength] = String(bytes.readableBytes)
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: bytes))
    }

    public static func noContent(headers: HTTPFields = [:]) -> Response { Response(status: .noContent, headers: headers) }

    public static func problem(_ problem: Problem, traceID: String?) -> Response {
        var headers = HTTPFields()
        if let seconds = problem.retryAfterSeconds { headers[.retryAfter] = String(seconds) }
        if problem.status == 401 { headers[.wwwAuthenticate] = "Bearer" }
        return .bytes(
            problem.body(traceID: traceID), type: Problem.mediaType, status: HTTPResponse.Status(code: problem.status), headers: headers)
    }
}

/// One page of a list: its items and where the next page begins.
public struct Page<Item: JSONWritable>: JSONWritable {
    public let items: [Item]
    public let nextCursor: String?

    public init(items: [Item], nextCursor: String?) {
        self.items = items
        self.nextCursor = nextCursor
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("items", items)
            $0.field("nextCursor", nextCursor)
        }
    }
}

extension Page: Sendable where Item: Sendable {}

/// A validator for optimistic locking: the row's version in quotes.
public struct ETag: Hashable, Sendable, CustomStringConvertible {
    public let version: Int64

    public init(version: Int64) { self.version = version }

    public var description: String { "\"\(version)\"" }

    /// The versions that `If-Match` or `If-None-Match` names; nil for `*`.
    /// - Parameter strongly: a weak tag matches nothing, because it never guards a change (RFC 9110, 13.1.1).
    /// - Throws: 400 where the header is not a list of entity tags.
    static func list(_ text: String, _ header: String, strongly: Bool) throws(Problem) -> [Int64]? {
        if text.trimmed == "*" { return nil }
        var versions: [Int64] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            var tag = String(part).trimmed[...]
            let isWeak = tag.hasPrefix("W/")
            if isWeak { tag = tag.dropFirst(2) }
            guard tag.count >= 2, tag.hasPrefix("\""), tag.hasSuffix("\"") else { throw .invalidParameter(header, "must be entity tags or *") }
            // A tag that this service never gave out, such as "01", matches nothing.
            let text = tag.dropFirst().dropLast()
            let version = Int64(text).flatMap { String($0) == text ? $0 : nil }
            versions.append(isWeak && strongly ? -1 : version ?? -1)
        }
        return versions
    }
}

extension Request {
    /// The version a change must meet: 428 where `If-Match` is missing; nil for `*`, any version.
    public func requireIfMatch() throws(Problem) -> [Int64]? {
        guard let text = headers[.ifMatch] else {
            throw Problem(428, "precondition_required", "Send If-Match with the ETag of what you read, so that nobody's change is lost.")
        }
        return try ETag.list(text, "If-Match", strongly: true)
    }

    /// Whether the caller has this version already, so that 304 is the answer.
    public func hasCurrent(_ tag: ETag) throws(Problem) -> Bool {
        guard let text = headers[.ifNoneMatch] else { return false }
        guard let versions = try ETag.list(text, "If-None-Match", strongly: false) else { return true }
        return versions.contains(tag.version)
    }
}

extension Problem {
    /// 412: somebody changed it in between.
    public static let preconditionFailed = Problem(
        412, "version_mismatch", "It was changed since you read it: read it again, and repeat your change.")
}

extension String {
    var trimmed: String {
        var text = self[...]
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return String(text)
    }
}
