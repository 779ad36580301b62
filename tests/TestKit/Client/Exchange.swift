public import HTTPPath
public import HTTPTypes
import NIOCore
import Testing

/// One request and its answer.
public struct Exchange: Sendable {
    public let method: String
    public let url: String
    public let requestHeaders: [(String, String)]
    public let requestBody: [UInt8]?
    public let status: Int
    public let headers: HTTPFields
    public let body: [UInt8]
    /// The body read as JSON; `.null` where it is none.
    public let json: JSON

    init(
        method: String, url: String, requestHeaders: [(String, String)], requestBody: [UInt8]?, status: Int, headers: HTTPFields, body: ByteBuffer
    ) {
        self.method = method
        self.url = url
        self.requestHeaders = requestHeaders
        self.requestBody = requestBody
        self.status = status
        self.headers = headers
        self.body = Array(body.readableBytesView)
        json = (try? JSON.parse(self.body, maxDepth: 64)) ?? .null
    }

    public var text: String { String(decoding: body, as: UTF8.self) }

    public func header(_ name: String) -> String? { HTTPField.Name(name).flatMap { headers[$0] } }

    /// Records an issue unless the answer has this status.
    @discardableResult
    public func expect(
        _ status: Int, fileID: String = #fileID, filePath: String = #filePath, line: Int = #line, column: Int = #column
    ) -> Exchange {
        if self.status != status {
            Issue.record(
                "\(method) \(url): expected \(status), got \(self.status): \(text.prefix(1000))",
                sourceLocation: SourceLocation(fileID: fileID, filePath: filePath, line: line, column: column))
        }
        return self
    }
}

/// Records an issue for everything that is not as a problem (RFC 9457) with this status and code must be.
/// - Parameter pointer: one of the errors must carry it.
public func expectProblem(
    _ exchange: Exchange, _ status: Int, _ code: String, pointer: String? = nil, fileID: String = #fileID, filePath: String = #filePath,
    line: Int = #line, column: Int = #column
) {
    let faults = problemFaults(exchange, statuses: [status], codes: [code], pointer: pointer)
    guard !faults.isEmpty else { return }
    Issue.record(
        "\(exchange.method) \(exchange.url): \(faults.joined(separator: "; ")). The answer: \(exchange.status) \(exchange.text.prefix(1000))",
        sourceLocation: SourceLocation(fileID: fileID, filePath: filePath, line: line, column: column))
}

/// What is wrong with an answer that should be a problem; empty if nothing is.
/// - Parameter codes: nil for any.
func problemFaults(_ exchange: Exchange, statuses: Set<Int>, codes: Set<String>?, pointer: String?) -> [String] {
    var faults: [String] = []
    if !statuses.contains(exchange.status) { faults.append("status \(exchange.status) instead of \(statuses.sorted())") }
    if exchange.headers[.contentType] != Problem.mediaType {
        faults.append("content type \(exchange.headers[.contentType] ?? "none") instead of \(Problem.mediaType)")
    }
    let json = exchange.json
    let code = json["code"]?.string ?? ""
    if let codes, !codes.contains(code) { faults.append("code \"\(code)\" instead of \(codes.sorted())") }
    if code.isEmpty || !code.utf8.allSatisfy({ (97...122).contains($0) || (48...57).contains($0) || $0 == UInt8(ascii: "_") }) {
        faults.append("the code is not in snake case")
    }
    if json["type"]?.string != "/docs#\(code)" { faults.append("type \(json["type"]?.string ?? "none") instead of /docs#\(code)") }
    if json["status"]?.integer != Int64(exchange.status) { faults.append("the member status differs from the status") }
    for name in ["title", "detail"] where json[name]?.string?.isEmpty ?? true { faults.append("no \(name)") }
    if json["traceId"]?.string?.utf8.count != 32 { faults.append("no traceId") }
    if exchange.headers[.correlationID] == nil { faults.append("no X-Correlation-ID") }
    let pointers = (json["errors"]?.array ?? []).map { $0["pointer"]?.string ?? "none" }
    if let pointer, !pointers.contains(pointer) { faults.append("pointers \(pointers) without \"\(pointer)\"") }
    return faults
}
