import Foundation
import HTTPPath
import HTTPTypes
import TestKit
import Testing

@Suite("requests that are none")
struct RawRequestTests {
    @Test("what can be read in two ways is refused with a problem, is the connection's last, and nothing behind it is answered")
    func corpus() async throws {
        try await withService(ProbeService().definition) { service in
            for request in HostileRequest.all {
                let answers = try await sendRaw(request.bytes, to: service.port, endsWriting: request.endsWriting)
                #expect(answers.map(\.status) == request.statuses, "\(request.name)")
                for answer in answers {
                    #expect(answer.headers[.xContentTypeOptions] == "nosniff", "\(request.name)")
                    #expect(answer.headers[.correlationID] != nil, "\(request.name)")
                }
                guard let last = answers.last else { continue }
                #expect(last.headers[.connection] == "close", "\(request.name)")
                guard last.status == 400 || last.status == 431 else { continue }
                #expect(last.headers[.contentType] == "application/problem+json", "\(request.name)")
                let problem = try JSON.parse(last.body)
                #expect(problem["code"] == (last.status == 400 ? "malformed_request" : "headers_too_large"), "\(request.name)")
                #expect(problem["traceId"]?.string?.count == 32, "\(request.name)")
            }
            // It goes on serving.
            try await service.client.get("/api/v1/who").expect(200)
        }
    }

    @Test("the security page shows the corpus as it is")
    func documented() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../..").standardized
        let page = try String(contentsOf: root.appending(path: "docs/security.md"), encoding: .utf8)
        let rows = HostileRequest.all.map { request in
            "| \(request.name) | \(request.statuses.map(String.init).joined(separator: ", then ")) |"
        }
        let shown = page.split(separator: "\n").map(String.init).filter { $0.hasPrefix("| ") }
        for row in rows { #expect(shown.contains(row), "docs/security.md lacks: \(row)") }
    }

    @Test("refusals are logged without anything of what was sent")
    func logged() async throws {
        try await withService(ProbeService().definition) { service in
            _ = try await sendRaw(Array("GET /hunter2 HTTP/1.1\r\nAuthorization : hunter2\r\n\r\n".utf8), to: service.port)
            #expect(service.logs.text.contains("refused before it was a request"))
            #expect(!service.logs.text.contains("hunter2"))
        }
    }
}
