import Basics
import HTTPPath
import InventoryAPI
import Testing

@testable import InventoryService

@Suite("What a product may look like")
struct ProductRulesTests {
    @Test("a SKU is 2 to 40 capital letters, digits and hyphens", arguments: ["LAPTOP-001", "A1", "0-", String(repeating: "X", count: 40)])
    func skus(_ text: String) {
        #expect(ProductRules.isSKU(text))
        #expect(ProductKey(text) == .sku(text))
    }

    @Test(
        "anything else is no SKU",
        arguments: ["", "A", "-A", "a1", "LAPTOP 001", "LAPTOP_001", "ÄPFEL", String(repeating: "X", count: 41), "A\u{0}", "１２"])
    func notSKUs(_ text: String) {
        #expect(!ProductRules.isSKU(text))
        #expect(ProductKey(text) == nil)
    }

    @Test("what has the form of a UUID is an id and never a SKU")
    func uuids() throws {
        let text = "01900000-0000-7001-8000-000000000001"
        #expect(!ProductRules.isSKU(text))
        #expect(ProductKey(text) == .id(try #require(Identifier(text))))
    }

    @Test("a category is a slug")
    func categories() {
        for text in ["computers", "home-office", "a", "2-in-1"] { #expect(ProductRules.isCategory(text), "\(text)") }
        for text in ["", "-a", "a-", "a--b", "Home", "home office", "böden", String(repeating: "a", count: 51)] {
            #expect(!ProductRules.isCategory(text), "\(text)")
        }
    }

    @Test("a patch changes what it names, takes away what is null, and leaves the rest")
    func patch() throws {
        let now = Timestamp(microseconds: 0)
        var product = Product(
            id: Identifier(high: 1, low: 1), sku: "PEN-1", name: "Pen", description: "Blue", category: "desk",
            attributes: ["color": "blue", "size": "s"], reorderPoint: 3, createdAt: now, updatedAt: now)
        let json = try JSON.parse(Array(#"{"name": "Biro", "attributes": {"color": null, "weight": "9 g"}}"#.utf8))
        try product.apply(try Fields.read(json, ProductPatch.init))
        #expect(product.name == "Biro")
        #expect(product.description == "Blue" && product.category == "desk" && product.reorderPoint == 3)
        #expect(product.attributes == ["size": "s", "weight": "9 g"])
    }

    @Test("a patch cannot give a product more attributes than a create can")
    func patchLimit() throws {
        let now = Timestamp(microseconds: 0)
        var product = Product(
            id: Identifier(high: 1, low: 1), sku: "PEN-1", name: "Pen", category: "desk",
            attributes: Dictionary(uniqueKeysWithValues: (0..<50).map { ("a\($0)", "") }), createdAt: now, updatedAt: now)
        #expect(throws: InvalidInput.self) { try product.apply(ProductPatch(attributes: ["one more": "x"])) }
    }

    @Test("a patch with a bad attribute says which one")
    func patchErrors() throws {
        let json = try JSON.parse(Array(#"{"attributes": {"color": 1, "": "x"}, "weight": 1}"#.utf8))
        let error = #expect(throws: InvalidInput.self) { try Fields.read(json, ProductPatch.init) }
        #expect(error?.errors.map(\.pointer).sorted() == ["/attributes", "/attributes/color", "/weight"])
    }
}
