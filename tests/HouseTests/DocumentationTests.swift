import Testing

@Suite("the documentation is true where a machine can tell")
struct DocumentationTests {
    @Test("every link within the repository leads somewhere")
    func links() {
        #expect(Repository.markdown.contains { $0.path == "README.md" }, "the pages were not found")
        let pages = Dictionary(uniqueKeysWithValues: Repository.markdown.map { ($0.path, $0) })
        expectNone(Repository.markdown.flatMap { $0.brokenLinks(page: { pages[$0] }, exists: Repository.exists) })
    }

    @Test("every make target and hello-dd subcommand that a page names exists")
    func commands() throws {
        let makeTargets = try Self.makeTargets()
        let subcommands = Self.subcommands(in: Repository.sources)
        expectNone(Repository.markdown.flatMap { $0.unknownCommands(makeTargets: makeTargets, subcommands: subcommands) })
    }

    @Test("the Makefile lists and explains the targets that the documentation promises")
    func targets() throws {
        let makefile = try Repository.text("Makefile")
        let explained = Set(makefile.split(separator: "\n").compactMap { $0.firstMatch(of: /^([a-z][a-z-]*):.*## \S/).map { String($0.output.1) } })
        let expected: Set<String> = [
            "help", "setup", "up", "down", "status", "logs", "health", "demo", "test", "test-inventory", "test-pricing", "test-gateway",
            "run-inventory", "run-pricing", "run-gateway", "images", "compose", "compose-down", "kind", "kind-down", "test-containers", "lint",
            "format", "openapi", "footprint", "clean",
        ]
        #expect(expected.subtracting(explained) == [])
        #expect(try Self.makeTargets() == explained, "a target without its ## explanation")
    }

    @Test("every setting of a service is in .env.example, and nothing else is")
    func settings() throws {
        let documented = try Repository.text(".env.example").split(separator: "\n")
            .compactMap { $0.firstMatch(of: /^#?\s?([A-Z][A-Z0-9_]*)=/).map { String($0.output.1) } }
        // The supervisor sets it; a person never does.
        let expected = Self.settingVariables(in: Repository.sources).subtracting(["SUPERVISOR_FD"])
        #expect(expected.subtracting(documented).sorted() == [], "missing in .env.example")
        #expect(Set(documented).subtracting(expected).sorted() == [], "in .env.example, and no service reads it")
        #expect(documented.count == Set(documented).count, "a variable is in .env.example twice")
    }

    @Test("settings are read from their declarations")
    func settingDeclarations() {
        let source = SwiftSource(
            path: "platform/Sources/ServiceKit/Planted.swift",
            text: """
                static let port = Setting<Int>.integer("http.port", default: 1, help: "a")
                static let level = Setting<String>(
                    "log.level", default: "info", help: "b")
                static func other() -> Setting<Int> { .integer("max.body.bytes", default: 2, help: "c") }
                let text = JSON.string("not a setting")
                """)
        #expect(Self.settingVariables(in: [source]) == ["HTTP_PORT", "LOG_LEVEL", "MAX_BODY_BYTES"])
        #expect(Self.settingVariables(in: [SwiftSource(path: "a/Sources/A/B.swift", text: "let json = JSON.string(\"a.b\")")]) == [])
    }

    @Test("a page's faults are caught, and what is right is left alone")
    func planted() {
        let page = MarkdownPage(
            path: "docs/page.md",
            text: """
                # A heading, with (signs)!
                [good](../README.md) [gone](missing.md) [there](#a-heading-with-signs) [nowhere](#nothing) [out](https://swift.org/x)
                Say `make up` or `make fly`; `[no](link.md)` and make believe are prose.
                ```sh
                make up && make swim
                .build/debug/hello-dd up --detach
                hello-dd sing
                kubectl -n hello-dd get pods
                ```
                ```text
                make nothing
                ```
                """)
        let broken = page.brokenLinks(page: { _ in nil }, exists: { $0 == "README.md" || $0 == "docs/page.md" })
        #expect(broken.map(\.line) == [2, 2])
        let unknown = page.unknownCommands(makeTargets: ["up"], subcommands: ["up"])
        #expect(unknown.map(\.message) == ["make fly: no such target", "make swim: no such target", "hello-dd sing: no such subcommand"])
    }

    @Test("subcommands are read from the command line's own sources")
    func subcommands() {
        let source = SwiftSource(
            path: "hello-dd/Sources/HelloDD/Planted.swift",
            text: """
                struct Up: AsyncParsableCommand { }
                struct ListThings: ParsableCommand {
                    static let configuration = CommandConfiguration(commandName: "things", abstract: "Lists.")
                }
                struct NotACommand: Sendable {}
                """)
        #expect(Self.subcommands(in: [source]) == ["up", "things", "list-things", "help"])
    }

    private static func makeTargets() throws -> Set<String> {
        let lines = try Repository.text("Makefile").split(separator: "\n")
        return Set(lines.compactMap { $0.firstMatch(of: /^([a-z][a-z-]*):(?:\s|$)/).map { String($0.output.1) } })
    }

    /// The environment variables of every declared setting: `http.port` is `HTTP_PORT`.
    private static func settingVariables(in sources: [SwiftSource]) -> Set<String> {
        var names: Set<String> = []
        for source in sources {
            let text = source.lines.joined(separator: "\n")
            guard text.contains("Setting") else { continue }
            for match in text.matches(of: /(?:\.(?:string|integer|flag|seconds|addresses)|Setting<\w+>)\(\s*"([a-z][a-z0-9]*(?:\.[a-z0-9]+)*)"/) {
                names.insert(match.output.1.replacing(".", with: "_").uppercased())
            }
        }
        return names
    }

    /// Names given with `commandName:`, and those ArgumentParser derives from a command's type.
    private static func subcommands(in sources: [SwiftSource]) -> Set<String> {
        var names: Set<String> = ["help"]
        for source in sources where source.module == "HelloDD" {
            for line in source.lines {
                if let match = line.firstMatch(of: /commandName:\s*"([^"]+)"/) { names.insert(String(match.output.1)) }
                if let match = line.firstMatch(of: /struct\s+(\w+):.*ParsableCommand/) { names.insert(kebab(match.output.1)) }
            }
        }
        return names
    }

    private static func kebab(_ name: Substring) -> String {
        String(name.enumerated().flatMap { $0.offset > 0 && $0.element.isUppercase ? ["-", $0.element] : [$0.element] }).lowercased()
    }
}
