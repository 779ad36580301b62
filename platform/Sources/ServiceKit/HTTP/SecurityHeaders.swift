import HTTPTypes

/// The headers that keep a browser from doing with an answer what it was not made for. Every answer has them, errors included.
struct SecurityHeaders: Sendable {
    /// How long browsers shall use nothing but TLS for this host; zero: it is not said. Seconds.
    let strictTransportSeconds: Int

    /// Content-Security-Policy and Cache-Control stay as they are where an answer has its own.
    func add(to headers: inout HTTPFields) {
        headers[.xContentTypeOptions] = "nosniff"
        headers[.frameOptions] = "DENY"
        headers[.referrerPolicy] = "no-referrer"
        headers[.crossOriginResourcePolicy] = "same-origin"
        // An answer is data: opened as a page it loads nothing, runs nothing and cannot be framed.
        if headers[.contentSecurityPolicy] == nil { headers[.contentSecurityPolicy] = "default-src 'none'; frame-ancestors 'none'" }
        if headers[.cacheControl] == nil { headers[.cacheControl] = "no-store" }
        if strictTransportSeconds > 0 { headers[.strictTransportSecurity] = "max-age=\(strictTransportSeconds)" }
    }
}

extension HTTPField.Name {
    static let frameOptions = HTTPField.Name("X-Frame-Options")!
    static let referrerPolicy = HTTPField.Name("Referrer-Policy")!
}
