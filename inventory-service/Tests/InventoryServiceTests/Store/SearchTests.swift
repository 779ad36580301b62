import Basics
import InventoryAPI
import TestKit
import Testing

@testable import InventoryService

@Suite("Looking for a text")
struct SearchTests {
    private static func skus(_ warehouse: Warehouse, _ text: String) async throws -> [String] {
        try await warehouse.catalogue.list(.init(search: text), after: nil, limit: 50).items.map(\.sku)
    }

    /// One product with each description, in the order of their SKUs.
    private static func warehouse(_ engine: Engine, _ descriptions: [String]) async throws -> Warehouse {
        let warehouse = try await Warehouse(engine)
        for (index, text) in descriptions.enumerated() {
            try await warehouse.add("PEN-\(index)")
            _ = try await warehouse.catalogue.change(.sku("PEN-\(index)"), versions: nil) {
                $0.name = "Name"
                $0.description = text
            }
        }
        return warehouse
    }

    @Test(
        "a text is found wherever it stands, whatever the case of A to Z, however short it is, and whatever else it holds",
        arguments: Engine.allCases)
    func anywhere(_ engine: Engine) async throws {
        let texts = [
            "A blue Pen", "pEN", "Open-ended", "p", "100 % wool", "a_b", "a\\b", "say \"hello\" twice", "it's",
            "\u{65E5}\u{672C}\u{8A9E}\u{306E}\u{672C}",
            "tabs\tand\nlines",
        ]
        let warehouse = try await Self.warehouse(engine, texts)
        let looked: [(String, [Int])] = [
            ("pen", [0, 1, 2]), ("PEN", [0, 1, 2]), ("e", [0, 1, 2, 7, 10]), ("lue p", [0]), ("open-ended", [2]), ("n-e", [2]), ("00 %", [4]),
            ("% w", [4]), ("%", [4]), ("a_b", [5]), ("_", [5]), ("A\\B", [6]), ("\\", [6]), ("\"HELLO\" t", [7]), ("\"", [7]), ("it's", [8]),
            ("'", [8]), ("\u{672C}\u{8A9E}", [9]), ("\u{672C}\u{8A9E}\u{306E}", [9]), ("penx", []), ("x y z", []), ("AND", [10]),
        ]
        for (text, expected) in looked {
            let found = try await Self.skus(warehouse, text)
            // Every SKU has "PEN" in it, and every name "Name".
            let everywhere = "pen- name".contains(text.lowercased())
            #expect(found == (everywhere ? Array(texts.indices) : expected).map { "PEN-\($0)" }.sorted(), "\(text)")
        }
    }

    @Test("other letters are found as they are written, on both engines alike", arguments: Engine.allCases)
    func otherLetters(_ engine: Engine) async throws {
        let warehouse = try await Self.warehouse(
            engine, ["\u{DC}BER ALLES", "\u{FC}ber alles", "\u{41F}\u{415}\u{41D}\u{410}", "\u{43F}\u{435}\u{43D}\u{430}"])
        #expect(try await Self.skus(warehouse, "\u{FC}ber") == ["PEN-1"])
        #expect(try await Self.skus(warehouse, "\u{DC}ber") == ["PEN-0"])
        #expect(try await Self.skus(warehouse, "ber ALLES") == ["PEN-0", "PEN-1"])
        #expect(try await Self.skus(warehouse, "\u{43F}\u{435}\u{43D}") == ["PEN-3"])
        #expect(try await Self.skus(warehouse, "\u{415}\u{41D}") == ["PEN-2"])
    }

    @Test("no text is found across two fields", arguments: Engine.allCases)
    func oneField(_ engine: Engine) async throws {
        let warehouse = try await Self.warehouse(engine, ["first"])
        for text in ["0Name", "0 Name", "namefirst", "name first", "ef"] { #expect(try await Self.skus(warehouse, text) == []) }
    }

    @Test("a changed text is found, and what it was is not; nor is a product that is gone, until it is back", arguments: Engine.allCases)
    func changes(_ engine: Engine) async throws {
        let warehouse = try await Self.warehouse(engine, ["marble"])
        _ = try await warehouse.catalogue.change(.sku("PEN-0"), versions: nil) { $0.description = "granite" }
        #expect(try await Self.skus(warehouse, "marble") == [])
        #expect(try await Self.skus(warehouse, "granite") == ["PEN-0"])
        try await warehouse.catalogue.archive(.sku("PEN-0"), versions: nil)
        #expect(try await Self.skus(warehouse, "granite") == [])
        try await warehouse.add("PEN-0")
        #expect(try await Self.skus(warehouse, "granite") == [])
        #expect(try await Self.skus(warehouse, "the pen-0") == ["PEN-0"])
    }

    @Test("what is found is walked in pages, in the order of SKUs", arguments: Engine.allCases)
    func pages(_ engine: Engine) async throws {
        let warehouse = try await Self.warehouse(engine, (0..<5).map { $0 == 2 ? "paper" : "granite \($0)" })
        var seen: [String] = []
        var after: String?
        repeat {
            let page = try await warehouse.catalogue.list(.init(search: "granite"), after: after, limit: 2)
            seen += page.items.map(\.sku)
            after = page.hasMore ? page.items.last?.sku : nil
        } while after != nil
        #expect(seen == ["PEN-0", "PEN-1", "PEN-3", "PEN-4"])
    }

    @Test("any text gives what looking through all of them gives", arguments: Engine.allCases, 1...3 as ClosedRange<UInt64>)
    func random(_ engine: Engine, _ seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        let alphabet = Array("aAbB1 -%_\\\"'")
        func text(_ length: ClosedRange<Int>) -> String {
            String((0..<Int.random(in: length, using: &random)).map { _ in alphabet.randomElement(using: &random)! })
        }
        let descriptions = (0..<20).map { _ in text(0...12) }
        let warehouse = try await Self.warehouse(engine, descriptions)
        for _ in 0..<100 {
            let wanted = text(1...5)
            let expected = descriptions.indices.filter { index in
                ["PEN-\(index)", "Name", descriptions[index]].contains { $0.lowercased().contains(wanted.lowercased()) }
            }
            #expect(try await Self.skus(warehouse, wanted) == expected.map { "PEN-\($0)" }.sorted(), "\(wanted), seed \(seed)")
        }
    }
}
