import Foundation
import TestKit
import Testing

@Suite("the programs of docs/libraries.md are those of Snippets, and print what it says")
struct SnippetTests {
    static let names: [String] = Repository.files.compactMap { $0.firstMatch(of: /^Snippets\/(\w+)\.swift$/).map { String($0.output.1) } }

    @Test("the page shows every snippet, as it is", arguments: names)
    func shown(name: String) throws {
        let blocks = try Self.blocks("swift")
        #expect(blocks.contains(try Self.shownPart(of: name)), "docs/libraries.md does not show Snippets/\(name).swift")
    }

    @Test("each runs to its end, and prints what the page says", arguments: names)
    func runs(name: String) async throws {
        let result = try await runCommand(Repository.root.appending(path: ".build/debug/\(name)").path(), [])
        #expect(result.code == 0, "\(result.errors)")
        let promised = try #require(try Self.blockAfter(try Self.shownPart(of: name)), "the page does not say what \(name) prints")
        #expect(result.output.contains(promised))
    }

    @Test("there are snippets, or the tests above would say nothing")
    func some() { #expect(Self.names.count >= 4) }

    /// Without what is hidden from readers, and without the first line, which describes it.
    private static func shownPart(of name: String) throws -> String {
        var isHidden = false
        var lines: [Substring] = []
        for line in try Repository.text("Snippets/\(name).swift").split(separator: "\n", omittingEmptySubsequences: false) {
            switch line {
            case "// snippet.hide": isHidden = true
            case "// snippet.show": isHidden = false
            // What was hidden leaves one empty line, not two.
            case _ where !isHidden && !(line.isEmpty && lines.last?.isEmpty ?? true): lines.append(line)
            default: break
            }
        }
        return lines.drop { $0.isEmpty || $0.hasPrefix("// ") && $0 == lines.first }.joined(separator: "\n").trimmingCharacters(in: .newlines)
    }

    /// The fenced blocks of the page in a language, in their order.
    private static func blocks(_ language: String) throws -> [String] {
        let parts = try Repository.text("docs/libraries.md").components(separatedBy: "```")
        return parts.enumerated().compactMap { index, part in
            index.isMultiple(of: 2) || !part.hasPrefix("\(language)\n") ? nil : String(part.dropFirst(language.count + 1).dropLast())
        }
    }

    private static func blockAfter(_ program: String) throws -> String? {
        let rest = try Repository.text("docs/libraries.md").components(separatedBy: program)
        guard rest.count == 2, let begin = rest[1].range(of: "```text\n"), let end = rest[1][begin.upperBound...].range(of: "\n```") else {
            return nil
        }
        return String(rest[1][begin.upperBound..<end.lowerBound])
    }
}
