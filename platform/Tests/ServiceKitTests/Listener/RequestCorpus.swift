/// Requests that try to be read in two ways, or are none: what is sent, and the statuses of all the answers to it.
///
/// `docs/security.md` shows the same rows; a test compares them.
struct HostileRequest: Sendable {
    let name: String
    let bytes: [UInt8]
    let statuses: [Int]
    /// The caller goes away when it has sent this.
    var endsWriting = false

    init(_ name: String, _ text: String, _ statuses: Int..., endsWriting: Bool = false) {
        self.init(name, Array(text.utf8), statuses, endsWriting: endsWriting)
    }

    init(_ name: String, _ bytes: [UInt8], _ statuses: [Int], endsWriting: Bool = false) {
        self.name = name
        self.bytes = bytes
        self.statuses = statuses
        self.endsWriting = endsWriting
    }

    /// A POST with these lines of headers, and what comes after the head.
    private static func post(_ name: String, _ headers: String, _ body: String, _ statuses: Int..., endsWriting: Bool = false) -> HostileRequest {
        let text = "POST /api/v1/things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\(headers)\r\n\r\n\(body)"
        return HostileRequest(name, Array(text.utf8), statuses, endsWriting: endsWriting)
    }

    /// A POST with a chunked body.
    private static func chunked(_ name: String, _ body: String, _ statuses: Int..., endsWriting: Bool = false) -> HostileRequest {
        let text = """
            POST /api/v1/things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n\(body)
            """
        return HostileRequest(name, Array(text.utf8), statuses, endsWriting: endsWriting)
    }

    /// A GET with these lines of headers.
    private static func get(_ name: String, _ headers: String, _ statuses: Int...) -> HostileRequest {
        HostileRequest(name, Array("GET /api/v1/who HTTP/1.1\r\n\(headers)\r\nConnection: close\r\n\r\n".utf8), statuses)
    }

    /// A whole request line.
    private static func line(_ name: String, _ line: String, _ statuses: Int...) -> HostileRequest {
        HostileRequest(name, Array("\(line)\r\nHost: a\r\nConnection: close\r\n\r\n".utf8), statuses)
    }

    static let lengths: [HostileRequest] = [
        post("Content-Length, then Transfer-Encoding", "Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n", 400),
        post("Transfer-Encoding, then Content-Length", "Transfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n", 400),
        post("Content-Length twice, equal", "Content-Length: 2\r\nContent-Length: 2", "{}", 400),
        post("Content-Length twice, different", "Content-Length: 2\r\nContent-Length: 3", "{}", 400),
        post("Content-Length as a list", "Content-Length: 2, 2", "{}", 400),
        post("Content-Length with a sign", "Content-Length: +2", "{}", 400),
        post("negative Content-Length", "Content-Length: -2", "{}", 400),
        post("Content-Length beyond 64 bits", "Content-Length: 99999999999999999999999", "{}", 400),
        post("empty Content-Length", "Content-Length: ", "{}", 400),
        post("hexadecimal Content-Length", "Content-Length: 0x2", "{}", 400),
        post("another transfer coding", "Transfer-Encoding: xchunked", "0\r\n\r\n", 400),
        post("a coding before chunked", "Transfer-Encoding: gzip, chunked", "0\r\n\r\n", 400),
        post("a coding after chunked", "Transfer-Encoding: chunked, gzip", "0\r\n\r\n", 400),
        post("Transfer-Encoding: identity", "Transfer-Encoding: identity", "{}", 400),
        post("quoted chunked", "Transfer-Encoding: \"chunked\"", "0\r\n\r\n", 400),
        post("chunked behind a vertical tab", "Transfer-Encoding: \u{0B}chunked", "0\r\n\r\n", 400),
        post("Transfer-Encoding twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n", 400),
        post("chunked and identity", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "0\r\n\r\n", 400),
        HostileRequest("Transfer-Encoding in HTTP/1.0", "POST /api/v1/things HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ]

    static let chunks: [HostileRequest] = [
        chunked("a good chunked body", "c\r\n{\"name\":\"a\"}\r\n0\r\n\r\n", 201),
        chunked("a chunk's size beyond 64 bits", "FFFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n", 400),
        chunked("a chunk larger than any body", "7FFFFFFFFFFFFFFF\r\n{}", 400, endsWriting: true),
        chunked("negative chunk size", "-2\r\n{}\r\n0\r\n\r\n", 400),
        chunked("chunk size with 0x", "0x2\r\n{}\r\n0\r\n\r\n", 400),
        chunked("empty chunk size", "\r\n{}\r\n0\r\n\r\n", 400),
        chunked("chunk size with a space", "2 \r\n{}\r\n0\r\n\r\n", 400),
        chunked("chunk lines that end in LF", "2\n{}\n0\n\n", 400),
        chunked("a bare LF in a chunk extension", "2;a\nb\r\n{}\r\n0\r\n\r\n", 400),
        chunked("a chunk without its line end", "2\r\n{}XX0\r\n\r\n", 400),
        chunked("a chunk longer than it says", "2\r\n{}{}\r\n0\r\n\r\n", 400),
        chunked("chunked, broken off", "5\r\n{}", 400, endsWriting: true),
        chunked("a harmless trailer", "c\r\n{\"name\":\"a\"}\r\n0\r\nX-Sum: 5\r\n\r\n", 201),
        chunked("a length in the trailer", "c\r\n{\"name\":\"a\"}\r\n0\r\nContent-Length: 5\r\n\r\n", 400),
        post("a body shorter than it says", "Content-Length: 10", "{}", 400, endsWriting: true),
    ]

    static let headers: [HostileRequest] = [
        get("obs-fold", "Host: a\r\nX-A: b\r\n c", 400),
        get("obs-fold by a tab", "Host: a\r\nX-A: b\r\n\tc", 400),
        get("a folded first header", " Host: a", 400),
        HostileRequest("bare LF everywhere", "GET /api/v1/who HTTP/1.1\nHost: a\nConnection: close\n\n", 400),
        get("bare LF after a header", "Host: a\nX-A: b", 400),
        get("bare CR in a value", "Host: a\r\nX-A: b\rX-B: c", 400),
        get("NUL in a value", "Host: a\r\nX-A: b\u{0}c", 400),
        get("NUL in a name", "Host: a\r\nX\u{0}A: b", 400),
        get("a control character in a value", "Host: a\r\nX-A: b\u{1}c", 400),
        get("a space before the colon", "Host: a\r\nX-A : b", 400),
        get("a tab before the colon", "Host: a\r\nX-A\t: b", 400),
        post("a space before Content-Length's colon", "Content-Length : 2", "{}", 400),
        get("no colon", "Host: a\r\nfoo", 400),
        get("an empty name", "Host: a\r\n: x", 400),
        get("a name with parentheses", "Host: a\r\nX(A): x", 400),
        get("a name beyond ASCII", "Host: a\r\nX\u{e9}: x", 400),
        get("no Host", "X-A: b", 400),
        get("Host twice", "Host: a\r\nHost: b", 400),
        get("Host with a space", "Host: a b", 400),
        get("Host with a path", "Host: a/b", 400),
        get("Host with a user", "Host: c@a", 400),
        get("a header of 70,000 bytes", "Host: a\r\nX-A: \(String(repeating: "a", count: 70_000))", 431),
        get("200 headers", "Host: a\r\n" + (0..<200).map { "X-\($0): a" }.joined(separator: "\r\n"), 431),
    ]

    static let targets: [HostileRequest] = [
        line("a good request", "GET /api/v1/who HTTP/1.1", 200),
        line("HTTP/1.0 is served once", "GET /api/v1/who HTTP/1.0", 200),
        line("HTTP/1.2", "GET /api/v1/who HTTP/1.2", 400),
        line("HTTP/2.0", "GET /api/v1/who HTTP/2.0", 400),
        HostileRequest("HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        HostileRequest("HTTP/0.9", "GET /api/v1/who\r\n\r\n", 400),
        line("http in lower case", "GET /api/v1/who http/1.1", 400),
        line("a tab in the request line", "GET\t/api/v1/who\tHTTP/1.1", 400),
        line("a space in the target", "GET /api/v1/w ho HTTP/1.1", 400),
        line("NUL in the target", "GET /api\u{0}/v1/who HTTP/1.1", 400),
        line("the target beyond ASCII", "GET /api/v1/\u{e9} HTTP/1.1", 400),
        line("a target without a slash", "GET api/v1/who HTTP/1.1", 400),
        line("an encoded line break in the target", "GET /api/v1/things/a%0d%0aX-Evil:%20b HTTP/1.1", 401),
        line("the absolute form", "GET http://a/api/v1/who HTTP/1.1", 200),
        line("the asterisk form", "OPTIONS * HTTP/1.1", 404),
        line("CONNECT", "CONNECT a:443 HTTP/1.1", 404),
        line("a method that is none", "G@T /api/v1/who HTTP/1.1", 400),
        line("a method in lower case", "get /api/v1/who HTTP/1.1", 400),
        line("a target of 70,000 bytes", "GET /\(String(repeating: "a", count: 70_000)) HTTP/1.1", 431),
        HostileRequest("TLS where HTTP is spoken", [0x16, 3, 1, 0, 0xA5, 1, 0, 0, 0xA1, 3, 3], [400]),
        HostileRequest("a head that breaks off", "GET /api/v1/who HTTP/1.1\r\nHost: a\r\n", 400, endsWriting: true),
    ]

    static let pipelines: [HostileRequest] = [
        HostileRequest(
            "a good request, then a bad one", "GET /api/v1/who HTTP/1.1\r\nHost: a\r\n\r\nGET /api/v1/who HTTP/1.1\r\nHost : a\r\n\r\n", 200, 400),
        HostileRequest(
            "a bad request, then a good one", "GET /api/v1/who HTTP/1.1\r\nHost : a\r\n\r\nGET /api/v1/who HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        HostileRequest(
            "a request behind Connection: close",
            "GET /api/v1/who HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /version HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        HostileRequest(
            "a request behind HTTP/1.0", "GET /api/v1/who HTTP/1.0\r\n\r\nGET /version HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        HostileRequest(
            "a smuggled request behind two lengths",
            "POST /api/v1/things HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /version HTTP/1.1\r\nHost: a\r\n\r\n",
            400),
        HostileRequest(
            "a broken body behind its early answer",
            "POST /api/v1/parcels HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\n\r\nGET /version HTTP/1.1\r\nHost: a\r\n\r\n",
            404),
    ]

    static let all = lengths + chunks + headers + targets + pipelines
}
