import HTTPTypes
import Hummingbird
import ServiceKit
import Testing

@Suite("Which of several media types a caller gets")
struct AcceptTests {
    static let offered = ["application/json", "application/x-ndjson", "text/csv"]

    @Test(
        "the one it likes best, and the first offered where it likes none or says nothing",
        arguments: [
            (nil, "application/json"), ("", "application/json"), ("*/*", "application/json"), ("text/csv", "text/csv"),
            ("TEXT/CSV;q=1;header=present", "text/csv"), ("text/*", "text/csv"), ("application/*", "application/json"),
            ("application/x-ndjson", "application/x-ndjson"), ("text/csv, application/json", "text/csv"),
            ("application/json, text/csv", "application/json"), ("text/csv;q=0.5, application/json;q=0.9", "application/json"),
            ("*/*, text/csv", "text/csv"), ("*/*;q=0.9, text/csv;q=0.1", "application/json"), ("application/json;q=0, */*", "application/x-ndjson"),
            ("application/json;q=0", "application/json"), ("text/html,application/xhtml+xml,application/xml;q=0.9", "application/json"),
            ("image/png", "application/json"), ("text", "application/json"), ("*/csv, text/csv;q=2", "application/json"),
            (",;q=,/, text/csv", "text/csv"), ("text/csv;q=0.001", "text/csv"), ("text/csv;q=0.000", "application/json"),
        ] as [(String?, String)])
    func preferred(_ accept: String?, _ expected: String) {
        var headers: HTTPFields = [:]
        headers[.accept] = accept
        let head = HTTPRequest(method: .get, scheme: nil, authority: nil, path: "/", headerFields: headers)
        #expect(Request(head: head, body: RequestBody(buffer: .init())).preferredMediaType(of: Self.offered) == expected)
    }
}
