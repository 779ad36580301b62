import Testing

@Suite("docs/errors.md is the one table of error codes")
struct ErrorTableTests {
    @Test("it lists every code with its status, and none that is gone")
    func complete() throws {
        let listed = Self.listed(in: try Repository.text("docs/errors.md"))
        let made = Repository.sources.reduce(into: Set<String>()) { $0.formUnion(Self.made(in: $1)) }
        #expect(made.count > 20, "the codes were not found")
        #expect(made.subtracting(listed).sorted() == [], "in the sources, and not in docs/errors.md")
        #expect(Set(listed).subtracting(made).sorted() == [], "in docs/errors.md, and nothing answers it")
        #expect(listed.count == Set(listed).count, "a code and status is listed twice")
    }

    @Test("codes are found in each form that the sources write them in")
    func forms() {
        let source = SwiftSource(
            path: "a/Sources/A/B.swift",
            text: """
                throw Problem(409, "too_late", "It is too late.")
                static let reused = Problem(
                    422, "key_reused", "Used.")
                static let taken = ThingErrorCode("name_taken", 409)
                throw .notFound("old thing")
                let other = Problem(error.status, "http_1", "")
                """)
        #expect(Self.made(in: source) == ["too_late 409", "key_reused 422", "name_taken 409", "old_thing_not_found 404"])
        #expect(Self.listed(in: "| `a_b` | 409 | c |\n| code | status | x |\n| `a_b` | 500 | d |") == ["a_b 409", "a_b 500"])
    }

    /// `code status` of each row.
    private static func listed(in page: String) -> [String] {
        page.split(separator: "\n").compactMap { $0.firstMatch(of: /^\| `([a-z0-9_]+)` \| (\d{3}) \|/).map { "\($0.output.1) \($0.output.2)" } }
    }

    private static func made(in source: SwiftSource) -> Set<String> {
        let text = source.lines.joined(separator: "\n")
        let problems = text.matches(of: /Problem\(\s*(\d{3}),\s*"([a-z0-9_]+)"/).map { "\($0.output.2) \($0.output.1)" }
        let codes = text.matches(of: /ErrorCode\(\s*"([a-z0-9_]+)",\s*(\d{3})/).map { "\($0.output.1) \($0.output.2)" }
        let missing = text.matches(of: /\.notFound\("([a-z ]+)"\)/).map { "\($0.output.1.replacing(" ", with: "_"))_not_found 404" }
        return Set(problems + codes + missing)
    }
}
