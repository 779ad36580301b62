import Testing

@Suite("the checks see code, comments and strings apart")
struct SwiftSourceTests {
    @Test("comments and string contents are no code, and line numbers stay")
    func blanking() {
        let source = SwiftSource(
            path: "a/Sources/A/File.swift",
            text: """
                let a = "one // two" // three
                /* four /* five */ six */ let b = 7
                let c = #"eight "nine" \\(ten)"#
                """)
        #expect(source.identifiers.map(\.name) == ["let", "a", "let", "b", "let", "c"])
        #expect(source.identifiers.map(\.line) == [1, 1, 2, 2, 3, 3])
        #expect(source.strings.map(\.text) == ["one // two", #"eight "nine" \(ten)"#])
    }

    @Test("interpolated code is code, in strings within strings too")
    func interpolation() {
        let source = SwiftSource(path: "a/Sources/A/File.swift", text: #"print("a \(b("c \(d) e", f)) g") + h"#)
        #expect(source.identifiers.map(\.name) == ["print", "b", "d", "f", "h"])
        #expect(source.strings.map(\.text) == ["c   e", "a   g"])
    }

    @Test("a multi-line string ends at its own quotes")
    func multiline() {
        let source = SwiftSource(path: "a/Sources/A/File.swift", text: "let a = \"\"\"\n  say \"b\"\n  \"\"\"\nlet c = 1")
        #expect(source.identifiers.map(\.name) == ["let", "a", "let", "c"])
        #expect(source.identifiers.last?.line == 4)
    }

    @Test("an import is found with whatever attribute, access level or kind it is written")
    func imports() {
        let source = SwiftSource(
            path: "a/Sources/A/File.swift",
            text: """
                import A
                public import B
                @preconcurrency import C
                @_spi(X) internal import struct D.Thing
                @testable import E
                // import F
                let important = "import G"
                    import H
                """)
        #expect(source.imports.map(\.module) == ["A", "B", "C", "D", "E", "H"])
        #expect(source.imports.map(\.line) == [1, 2, 3, 4, 5, 8])
    }

    @Test("a file knows its module and its name")
    func naming() {
        let source = SwiftSource(path: "platform/Sources/Basics/Deep/Clock+now.swift", text: "")
        #expect(source.module == "Basics")
        #expect(source.name == "Clock+now")
        #expect(source.place == ["Deep", "Clock+now"])
    }
}
