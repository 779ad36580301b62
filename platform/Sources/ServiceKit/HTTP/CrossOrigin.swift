import HTTPTypes
import Hummingbird

/// Which web pages of other origins may call a service from a browser (CORS): those that are listed, and no others.
///
/// There is no wildcard, and `Access-Control-Allow-Credentials` is never sent: identity is a bearer token that the page itself must have,
/// never a cookie that a browser adds. An origin that is not listed gets the answers as if there were no CORS, so its page cannot read them.
public struct CrossOrigin: Hashable, Sendable {
    private let origins: Set<String>

    /// - Parameter list: origins as browsers write them, such as `https://shop.example`, separated by commas; at most 100.
    /// - Throws: `ConfigurationError` for what is no origin, and for `*`.
    public init(_ list: String) throws(ConfigurationError) {
        var origins: Set<String> = []
        for part in list.split(separator: ",") {
            let origin = String(part).trimmed
            guard Self.isOrigin(origin) else {
                throw ConfigurationError(
                    "an allowed origin is a scheme, a host in lower case and perhaps a port, such as https://shop.example, not \"\(origin.prefix(100))\""
                )
            }
            origins.insert(origin)
        }
        guard (1...100).contains(origins.count) else { throw ConfigurationError("1 to 100 allowed origins can be listed, not \(origins.count)") }
        self.origins = origins
    }

    /// The answer to a browser's question before a call; nil where it is no such question, or the origin is not listed.
    /// - Parameter methods: those that the path takes, separated by commas.
    func preflight(_ request: Request, methods: String) -> Response? {
        guard request.method == .options, !methods.isEmpty, request.headers[.accessControlRequestMethod] != nil, allowed(request) != nil else {
            return nil
        }
        return Response(
            status: .noContent,
            headers: [
                .accessControlAllowMethods: methods, .accessControlAllowHeaders: Self.requestHeaders,
                // What Chromium takes at most is two hours; a changed list of origins shall count sooner.
                .accessControlMaxAge: "600",
            ])
    }

    /// What every answer says, whoever asked: caches must keep the answers to different origins apart.
    func add(to headers: inout HTTPFields, answering request: Request) {
        let vary = headers[.vary]
        headers[.vary] = (vary.map { "\($0), " } ?? "") + "Origin"
        guard let origin = allowed(request) else { return }
        headers[.accessControlAllowOrigin] = origin
        headers[.accessControlExposeHeaders] = Self.responseHeaders
    }

    private func allowed(_ request: Request) -> String? {
        guard let origin = request.headers[.origin], origins.contains(origin) else { return nil }
        return origin
    }

    private static let requestHeaders = [
        "Accept", "Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Prefer", "X-Correlation-ID",
        "X-Request-Timeout-Ms", "traceparent", "tracestate", "baggage",
    ].joined(separator: ", ")

    private static let responseHeaders = [
        "Allow", "ETag", "Idempotency-Replayed", "Location", "Preference-Applied", "RateLimit", "RateLimit-Policy", "Retry-After",
        "X-Correlation-ID",
    ].joined(separator: ", ")

    /// As the Fetch standard serialises an origin, so that equal texts are equal origins.
    private static func isOrigin(_ text: String) -> Bool {
        let host: Substring
        if text.hasPrefix("https://") {
            host = text.dropFirst(8)
        } else if text.hasPrefix("http://") {
            host = text.dropFirst(7)
        } else {
            return false
        }
        return (1...300).contains(host.utf8.count)
            && host.utf8.allSatisfy { (48...57).contains($0) || (97...122).contains($0) || "-.:[]".utf8.contains($0) }
            && host.first != ":" && host.last != ":" && host.last != "."
    }
}
