import NIOHTTP1

/// What HTTP/1.1 asks of a request's head besides its grammar, which the parser has checked (llhttp, strict).
///
/// Where one server on the way reads a request's end, or its host, otherwise than the next, a second request can be smuggled past the
/// first: so what leaves room for two readings is refused (RFC 9112, 3.2, 6.1 and 6.3).
enum RequestFraming {
    /// Why a head is refused, completing "The request …"; nil where it is not.
    static func objection(to head: HTTPRequestHead) -> String? {
        guard head.version == .http1_1 || head.version == .http1_0 else { return "must be HTTP/1.1" }
        let hosts = head.headers["host"]
        guard hosts.count == 1 || hosts.isEmpty && head.version == .http1_0 else { return "must name its host once" }
        guard hosts.allSatisfy({ $0.utf8.allSatisfy(isOfHost) }) else { return "names a host that is none" }
        let codings = head.headers["transfer-encoding"]
        guard !codings.isEmpty else { return nil }
        guard head.version == .http1_1 else { return "must not have a Transfer-Encoding in HTTP/1.0" }
        guard codings.count == 1, codings[0].lowercased() == "chunked" else { return "may have no Transfer-Encoding but chunked" }
        return nil
    }

    /// A byte of a host and its port (RFC 3986, 3.2.2): a name, an IPv4 address, or an IPv6 address in brackets.
    private static func isOfHost(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122: true
        default: "-._~%!$&'()*+,;=:[]".utf8.contains(byte)
        }
    }
}
