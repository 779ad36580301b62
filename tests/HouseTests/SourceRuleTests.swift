import Testing

@Suite("the sources keep the rules of the house")
struct SourceRuleTests {
    @Test("platform knows no word of the shop")
    func vocabulary() { expectNone(Repository.sources.flatMap(SourceRules.shopWordViolations)) }

    @Test("SQL stands in the stores only")
    func statements() { expectNone(Repository.sources.flatMap(SourceRules.strayStatementViolations)) }

    @Test("a promise that the compiler cannot check has its reason beside it")
    func promises() { expectNone(Repository.sources.flatMap(SourceRules.unexplainedPromiseViolations)) }

    @Test("a file can be read in one sitting")
    func lengths() { expectNone(Repository.sources.flatMap(SourceRules.lengthViolations)) }

    @Test("a type's name tells its job")
    func names() { expectNone(Repository.sources.flatMap(SourceRules.emptyNameViolations)) }

    @Test("a planted fault is caught once, and its innocent twin is not")
    func planted() {
        func count(_ rule: (SwiftSource) -> [Violation], _ text: String, path: String = "platform/Sources/Basics/Planted.swift") -> Int {
            rule(SwiftSource(path: path, text: text)).count
        }
        let service = "inventory-service/Sources/InventoryService/Reserve.swift"
        let store = "inventory-service/Sources/InventoryService/ProductStore.swift"

        #expect(count(SourceRules.shopWordViolations, "let maxProductCount = 1") == 1)
        #expect(count(SourceRules.shopWordViolations, "func log() { print(\"no such SKU\") }") == 1)
        #expect(count(SourceRules.shopWordViolations, "struct OrderID {}") == 1)
        #expect(count(SourceRules.shopWordViolations, "// a product\nlet byteOrder = sorted(by: order)") == 0)
        #expect(count(SourceRules.shopWordViolations, "let products = 1", path: service) == 0)

        #expect(count(SourceRules.strayStatementViolations, "query(\"SELECT id FROM t\")", path: service) == 1)
        #expect(count(SourceRules.strayStatementViolations, "query(\"\"\"\n  UPDATE t\n  SET a = 1\n  \"\"\")", path: service) == 1)
        #expect(count(SourceRules.strayStatementViolations, "query(\"SELECT id FROM t\")", path: store) == 0)
        #expect(count(SourceRules.strayStatementViolations, "print(\"please select a colour from the table\")", path: service) == 0)

        #expect(count(SourceRules.unexplainedPromiseViolations, "final class A: @unchecked Sendable {}") == 1)
        #expect(count(SourceRules.unexplainedPromiseViolations, "let a = 1\n\n\n\nlet b = try! c()") == 1)
        #expect(count(SourceRules.unexplainedPromiseViolations, "// guarded by the lock\nfinal class A: @unchecked Sendable {}") == 0)

        #expect(count(SourceRules.lengthViolations, String(repeating: "\n", count: 401)) == 1)
        #expect(count(SourceRules.lengthViolations, String(repeating: "\n", count: 400)) == 0)

        #expect(count(SourceRules.emptyNameViolations, "struct StockManager {}") == 1)
        #expect(count(SourceRules.emptyNameViolations, "struct CommonKeys {}\nlet helper = 1") == 0)
    }

    @Test("words are told apart in camel case, snake case and sentences")
    func words() {
        #expect(SourceRules.words(of: "maxOrderCount") == ["max", "order", "count"])
        #expect(SourceRules.words(of: "PRICE_URL") == ["price", "url"])
        #expect(SourceRules.words(of: "not a product, no") == ["not", "a", "product", "no"])
        #expect(SourceRules.words(of: "") == [])
    }
}
