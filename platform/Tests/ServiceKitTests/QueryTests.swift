import Basics
import HTTPPath
import HTTPTypes
import Hummingbird
import NIOCore
import ServiceKit
import TestKit
import Testing

@Suite("Query")
struct QueryTests {
    enum Size: String, CaseIterable { case small, large }

    private func request(_ query: String) -> Request {
        Request(head: HTTPRequest(method: .get, scheme: nil, authority: nil, path: "/x?\(query)"), body: RequestBody(buffer: ByteBuffer()))
    }

    /// What is wrong, by parameter.
    private func errors(_ query: String, _ read: (Query) -> Void) -> [String: String] {
        do throws(Problem) {
            try request(query).query(read)
            return [:]
        } catch {
            guard error.status == 400, error.code == "invalid_parameter" else { return ["": "\(error)"] }
            return Dictionary(error.errors.map { ($0.pointer, $0.detail) }) { "\($0), \($1)" }
        }
    }

    @Test("values are decoded and read by their types")
    func values() throws {
        try request("s=a%20b+c%2B&i=7&b=true&id=017f22e2-79b0-7cc3-98c4-dc0c0c07398f&c=large").query { query in
            #expect(query.string("s") == "a b c+")
            #expect(query.integer("i", 1...10) == 7)
            #expect(query.bool("b") == true)
            #expect(query.identifier("id")?.description == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f")
            #expect(query.choice("c", Size.self) == .large)
            #expect(query.string("none") == nil)
        }
    }

    @Test("everything wrong is named at once")
    func all() {
        let errors = errors("i=x&b=1&c=huge&id=7&s=&extra=1&i2=11") { query in
            _ = query.integer("i", 1...10)
            _ = query.bool("b")
            _ = query.choice("c", Size.self)
            _ = query.identifier("id")
            _ = query.string("s")
            _ = query.integer("i2", 1...10)
        }
        #expect(
            errors == [
                "i": "must be a whole number from 1 to 10", "b": "must be true or false", "c": "must be one of small, large", "id": "must be a UUID",
                "s": "must be 1 to 200 characters without control characters", "extra": "is not a known parameter",
                "i2": "must be a whole number from 1 to 10",
            ])
    }

    @Test("a parameter may be given once, whether it is known or not")
    func duplicates() {
        #expect(errors("a=1&a=1") { _ = $0.integer("a", 0...5) } == ["a": "must be given once"])
        #expect(errors("a=1&%61=2") { _ = $0.integer("a", 0...5) } == ["a": "must be given once"])
    }

    @Test("what is not valid percent-encoded UTF-8 is refused", arguments: ["a=%", "a=%4", "a=%zz", "a=%FF", "a=%C3%28", "%ff=1", "a=%ED%A0%80"])
    func encoding(_ text: String) {
        #expect(errors(text) { _ = $0.string("a") } == ["query": "must be percent-encoded UTF-8"])
    }

    @Test("control characters and over-long values are refused", arguments: ["a=%00", "a=%0A", "a=%7F", "a=\(String(repeating: "x", count: 201))"])
    func unprintable(_ text: String) {
        #expect(errors(text) { _ = $0.string("a") }.keys.sorted() == ["a"])
    }

    @Test("the number of parameters is bounded")
    func many() {
        #expect(errors((0..<100).map { "a\($0)=1" }.joined(separator: "&")) { _ in } == ["query": "must have at most 50 parameters"])
    }

    @Test("a route without parameters refuses any")
    func none() throws {
        try request("").noQuery()
        #expect(throws: Problem.self) { try request("a=1").noQuery() }
    }

    @Test("a page has 1 to 200 items, by default 50, and begins at a cursor that a list gave out")
    func page() throws {
        #expect(try request("").query { $0.page().limit } == 50)
        #expect(try request("limit=200").query { $0.page().limit } == 200)
        for limit in ["0", "201", "-1", "1.5", "x"] { #expect(errors("limit=\(limit)") { _ = $0.page() }.keys.sorted() == ["limit"]) }
        #expect(Cursor(Cursor("a\u{0}b").description) == nil, "not every store can look for a NUL")
        let cursor = Cursor("a&b", "2")
        #expect(try request("cursor=\(cursor)").query { $0.page().cursor } == cursor)
        for text in ["!!", "bm90IGpzb24", "W10", "WzFd", "W1siYSJdXQ", "e30", "", String(repeating: "x", count: 2000)] {
            #expect(errors("cursor=\(text)") { _ = $0.page() }.keys.sorted() == ["cursor"], "\(text)")
        }
    }
}

@Suite("Entity tags")
struct ETagTests {
    private func request(_ headers: HTTPFields) -> Request {
        Request(
            head: HTTPRequest(method: .put, scheme: nil, authority: nil, path: "/x", headerFields: headers), body: RequestBody(buffer: ByteBuffer()))
    }

    @Test(
        "a change needs If-Match",
        arguments: [
            ("\"7\"", [7]), ("\"7\", \"8\"", [7, 8]), ("W/\"7\"", [-1]), ("W/\"7\", \"8\"", [-1, 8]), ("\"other\"", [-1]), ("\"07\"", [-1]),
            ("\"+7\"", [-1]), ("\"\"", [-1]),
        ] as [(String, [Int64])])
    func ifMatch(_ text: String, _ versions: [Int64]) throws {
        #expect(try request([.ifMatch: text]).requireIfMatch() == versions)
    }

    @Test("any version is met by *")
    func anyVersion() throws {
        #expect(try request([.ifMatch: "*"]).requireIfMatch() == nil)
        #expect(try request([.ifNoneMatch: " * "]).hasCurrent(ETag(version: 1)))
    }

    @Test("a missing If-Match is 428, what is no entity tag 400")
    func refused() {
        #expect((#expect(throws: Problem.self) { try request([:]).requireIfMatch() })?.status == 428)
        for text in ["7", "\"7", "7\"", "\"7\",", ",", "", "\""] {
            #expect((#expect(throws: Problem.self) { try request([.ifMatch: text]).requireIfMatch() })?.status == 400, "\(text)")
        }
    }

    @Test("who has the version already gets 304, and nobody else")
    func ifNoneMatch() throws {
        #expect(try request([.ifNoneMatch: "\"1\", W/\"2\""]).hasCurrent(ETag(version: 2)))
        #expect(try !request([.ifNoneMatch: "\"1\""]).hasCurrent(ETag(version: 2)))
        #expect(try !request([:]).hasCurrent(ETag(version: 2)))
    }

    @Test("over HTTP: read, change, and a change of what somebody else changed meanwhile is 412")
    func flow() async throws {
        try await withService(ParcelService().definition) { service in
            let client = service.client
            let body: JSON = ["label": "books", "grams": 900, "size": "small"]
            let path = try #require(try await client.post("/api/v1/parcels", json: body, as: .operator).expect(201).header("Location"))
            let read = try await client.get(path).expect(200)
            let tag = try #require(read.headers[.eTag])
            let unchanged = try await client.get(path, headers: [.ifNoneMatch: tag]).expect(304)
            #expect(unchanged.body.isEmpty && unchanged.headers[.eTag] == tag)
            let changed = try await client.put(path, json: body, as: .operator, headers: [.ifMatch: tag]).expect(200)
            #expect(changed.headers[.eTag] != tag)
            expectProblem(try await client.put(path, json: body, as: .operator, headers: [.ifMatch: tag]), 412, "version_mismatch")
            expectProblem(try await client.put(path, json: body, as: .operator), 428, "precondition_required")
            try await client.get(path, headers: [.ifNoneMatch: tag]).expect(200)
        }
    }
}
