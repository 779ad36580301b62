import ArgumentParser
import HTTPPath
import Testing

@testable import HelloDD

@Suite("fault")
struct FaultCommandTests {
    private func add(_ arguments: String...) throws -> JSON {
        try #require(try HelloDD.parseAsRoot(["fault", "add"] + arguments) as? Fault.Add).body
    }

    @Test("what is not said is left to the shop's defaults")
    func defaults() throws {
        let body = try add("inventory", "error")
        #expect(body["service"] == .string("inventory-service"))
        #expect(body["kind"] == .string("error"))
        #expect(body["percent"] == .integer(100))
        #expect(body["durationSeconds"] == .integer(60))
        #expect(body["latencyMs"] == nil)
        #expect(body["status"] == nil)
        #expect(body["route"] == nil)
    }

    @Test("lengths of time are typed as people type them")
    func times() throws {
        let body = try add("pricing", "latency", "--latency", "1.5s", "--duration", "2m", "--percent", "30", "--route", "GET /a", "--seed", "7")
        #expect(body["latencyMs"] == .integer(1500))
        #expect(body["durationSeconds"] == .integer(120))
        #expect(body["percent"] == .integer(30))
        #expect(body["route"] == .string("GET /a"))
        #expect(body["seed"] == .integer(7))
    }

    @Test("the list says where, what, how often and until when, and who did not answer")
    func list() throws {
        let text = #"""
            {"items": [{"id": "1", "service": "pricing-service", "kind": "error", "latencyMs": 250, "status": 502, "percent": 30, "durationSeconds": 60,
             "seed": 1, "setAt": "a", "endsAt": "soon", "setBy": "olivia", "injections": 4}], "unavailable": ["inventory-service"]}
            """#
        let lines = FaultView.lines(try JSON.parse(Array(text.utf8)))
        #expect(lines.count == 3)
        #expect(lines[1].contains("250 ms, then status 502"))
        #expect(lines[1].contains("all"))
        #expect(lines[2] == "inventory-service did not answer")
        #expect(FaultView.lines(.object([])) == ["no faults"])
    }
}
