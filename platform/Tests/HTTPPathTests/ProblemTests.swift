import HTTPPath
import NIOCore
import TestKit
import Testing

@Suite("Problem")
struct ProblemTests {
    @Test("the body is RFC 9457's with code, trace, errors and further members")
    func body() throws {
        let problem = Problem(
            409, "insufficient_stock", "Two lines are short.", errors: [FieldError(pointer: "/lines/0", detail: "has too few")],
            extra: [.init("lines", [["sku": "A", "available": 1]])])
        let json = try JSON.parse(problem.body(traceID: "abc").readableBytesView)
        #expect(
            json == [
                "type": "/docs#insufficient_stock", "title": "Conflict", "status": 409, "code": "insufficient_stock",
                "detail": "Two lines are short.",
                "traceId": "abc", "errors": [["pointer": "/lines/0", "detail": "has too few"]], "lines": [["sku": "A", "available": 1]],
            ])
    }

    @Test("another service's problem is read as it was")
    func reading() {
        let problem = Problem(422, "invalid_body", "No.", errors: [FieldError(pointer: "/a", detail: "bad")], extra: [.init("hint", "x")])
        #expect(Problem(status: 422, body: problem.body(traceID: "t")) == problem)
    }

    @Test("an answer that is no problem becomes upstream_error with its status", arguments: ["", "<html>", "[1]", "{}", #"{"code":7}"#])
    func unreadable(_ text: String) {
        let problem = Problem(status: 502, body: ByteBuffer(string: text))
        #expect(problem.status == 502)
        #expect(problem.code == "upstream_error")
    }

    @Test("a body is well-formed JSON first, then the right one")
    func steps() {
        func read(_ text: String) -> Problem? {
            do throws(Problem) {
                try Problem.reading(ByteBuffer(string: text)) { _ = $0.integer("n", 1...5) }
                return nil
            } catch {
                return error
            }
        }
        #expect(read("{")?.code == "malformed_json")
        #expect(read("{")?.status == 400)
        #expect(read(#"{"n":9}"#)?.code == "invalid_body")
        #expect(read(#"{"n":9}"#)?.status == 422)
        #expect(read(#"{"n":9}"#)?.errors == [FieldError(pointer: "/n", detail: "must be between 1 and 5")])
        #expect(read(#"{"n":3}"#) == nil)
    }

    @Test("a code of its own is made for what is not found")
    func notFound() {
        #expect(Problem.notFound("tax rule").code == "tax_rule_not_found")
    }
}
