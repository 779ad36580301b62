import HTTPTypes
public import NIOCore

/// An error as it travels: RFC 9457 `application/problem+json`.
///
/// `code` is the stable part that programs compare; `detail` is for people and may change.
public struct Problem: Error, Hashable, Sendable {
    /// HTTP status, 400–599.
    public var status: Int
    /// Snake-case, stable.
    public var code: String
    /// A sentence for a person. Holds no secret and no value from a store.
    public var detail: String
    /// What is wrong with which part of the input; the first 50, as every document promises.
    public var errors: [FieldError]
    /// Further members, such as the lines that are short of stock.
    public var extra: [JSON.Member]
    /// When to come back, for 409, 429 and 503.
    public var retryAfterSeconds: Int?

    public init(
        _ status: Int, _ code: String, _ detail: String, errors: [FieldError] = [], extra: [JSON.Member] = [], retryAfterSeconds: Int? = nil
    ) {
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = Array(errors.prefix(50))
        self.extra = extra
        self.retryAfterSeconds = retryAfterSeconds
    }

    public static let mediaType = "application/problem+json"

    /// The bytes of the body.
    public func body(traceID: String?) -> ByteBuffer {
        JSONWriter.object { json in
            json.field("type", "/docs#\(code)")
            json.field("title", Self.title(status))
            json.field("status", status)
            json.field("code", code)
            json.field("detail", detail)
            json.field("traceId", traceID)
            if !errors.isEmpty { json.field("errors", errors) }
            for member in extra { json.field(member.name, member.value) }
        }
    }

    /// Reads a problem that another service answered; anything unreadable becomes `upstream_error` with that status.
    public init(status: Int, body: ByteBuffer) {
        let json = try? JSON.parse(body.readableBytesView)
        let known: Set = ["type", "title", "status", "code", "detail", "traceId", "errors"]
        self.init(
            status, json?["code"]?.string ?? "upstream_error", json?["detail"]?.string ?? "answered \(status)",
            errors: (json?["errors"]?.array ?? []).compactMap { error in
                guard let pointer = error["pointer"]?.string, let detail = error["detail"]?.string else { return nil }
                return FieldError(pointer: pointer, detail: detail)
            },
            extra: (json?.members ?? []).filter { !known.contains($0.name) }
        )
    }

    /// The problem that another service answered with, and when it wants to be asked again.
    public init(_ response: UpstreamResponse) {
        self.init(status: response.status, body: response.body)
        // A date instead of seconds is not passed on; no service here sends one.
        retryAfterSeconds = response.headers[.retryAfter].flatMap { Int($0) }
    }

    static func title(_ status: Int) -> String {
        switch status {
        case 400: "Bad request"
        case 401: "Not authenticated"
        case 402: "Payment declined"
        case 403: "Not allowed"
        case 404: "Not found"
        case 405: "Method not allowed"
        case 408: "Request time-out"
        case 409: "Conflict"
        case 410: "Gone"
        case 412: "Precondition failed"
        case 413: "Body too large"
        case 415: "Unsupported media type"
        case 422: "Input not acceptable"
        case 428: "Precondition required"
        case 429: "Too many requests"
        case 431: "Header fields too large"
        case 500: "Internal error"
        case 502: "Bad gateway"
        case 503: "Unavailable"
        case 504: "Time-out"
        default: "Error"
        }
    }
}

// MARK: the ones every service shares

extension Problem {
    /// 400: a path, query or header parameter.
    public static func invalidParameter(_ name: String, _ detail: String) -> Problem {
        Problem(400, "invalid_parameter", "The parameter \(name) \(detail).", errors: [FieldError(pointer: name, detail: detail)])
    }

    /// 400: the body is no JSON. The pointer is the whole document's, since nothing smaller can be named.
    public static func malformedJSON(_ error: JSONSyntaxError) -> Problem {
        Problem(400, "malformed_json", "The body is not valid JSON.", errors: [FieldError(pointer: "", detail: error.description)])
    }

    /// 422: JSON, but not what was asked for.
    public static func invalidBody(_ input: InvalidInput) -> Problem {
        let count = input.errors.count
        return Problem(422, "invalid_body", count == 1 ? "One field is not acceptable." : "\(count) fields are not acceptable.", errors: input.errors)
    }

    public static func invalidBody(_ pointer: String, _ detail: String) -> Problem {
        invalidBody(InvalidInput(errors: [FieldError(pointer: pointer, detail: detail)]))
    }

    /// 404 with a code of its own, such as `product_not_found`.
    public static func notFound(_ what: String) -> Problem {
        Problem(404, "\(what.lowercased().replacing(" ", with: "_"))_not_found", "There is no such \(what).")
    }

    /// 503: this service cannot work now, and the caller should come back.
    public static func unavailable(_ detail: String, retryAfterSeconds: Int = 1) -> Problem {
        Problem(503, "unavailable", detail, retryAfterSeconds: retryAfterSeconds)
    }

    /// 504: nobody waits for the answer any more.
    public static let deadlineExceeded = Problem(504, "deadline_exceeded", "The time allowed for the request was over before the work was done.")
}

extension Problem {
    /// Reads a request or response body: well-formed first, then field by field.
    public static func reading<T>(
        _ body: ByteBuffer, strict: Bool = true, _ read: (Fields) -> T
    ) throws(Problem) -> T {
        let json: JSON
        do throws(JSONSyntaxError) { json = try JSON.parse(body.readableBytesView) } catch { throw .malformedJSON(error) }
        do throws(InvalidInput) { return try Fields.read(json, strict: strict, read) } catch { throw .invalidBody(error) }
    }
}

/// An error that knows how it is told: a service's own refusals. Thrown out of a route, it is answered as its problem.
public protocol ProblemConvertible: Error {
    var problem: Problem { get }
}
