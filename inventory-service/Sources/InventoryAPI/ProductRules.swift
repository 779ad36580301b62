import Basics
import HTTPPath

/// What a product's fields must look like, wherever they come from: a body, or a row of an import.
public enum ProductRules {
    /// Unicode scalars.
    public static let nameLength = 1...200
    /// Unicode scalars; a screenful of text.
    public static let descriptionLength = 0...4000
    public static let attributeCount = 0...50
    public static let attributeNameLength = 1...100
    public static let attributeValueLength = 0...500
    /// Pieces.
    public static let reorderPoint: ClosedRange<Int64> = 0...1_000_000_000
    /// Pieces of one product on hand; sums of it stay far from the end of 64 bits.
    public static let onHand: ClosedRange<Int64> = 0...1_000_000_000_000
    /// Pieces in one movement by hand, and in one line of a reservation.
    public static let mostMoved: Int64 = 1_000_000_000

    public static let skuExpected = "a SKU: 2 to 40 capital letters, digits and hyphens, such as LAPTOP-001"
    public static let categoryExpected = "a slug of 1 to 50 lower-case letters and digits with single hyphens between them, such as home-office"
    public static let referenceExpected = "a product's id (UUID) or SKU"

    /// `[A-Z0-9][A-Z0-9-]{1,39}`, and never in the form of a UUID, so that a reference is one or the other.
    public static func isSKU(_ text: String) -> Bool {
        let bytes = text.utf8
        return (2...40).contains(bytes.count) && bytes.first != UInt8(ascii: "-")
            && bytes.allSatisfy { (65...90).contains($0) || (48...57).contains($0) || $0 == UInt8(ascii: "-") } && Identifier(text) == nil
    }

    public static func isCategory(_ text: String) -> Bool {
        (1...50).contains(text.utf8.count)
            && text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false).allSatisfy { word in
                !word.isEmpty && word.allSatisfy { (97...122).contains($0) || (48...57).contains($0) }
            }
    }

    /// Whether a text can name a product at all.
    public static func isReference(_ text: String) -> Bool { Identifier(text) != nil || isSKU(text) }
}

extension Fields {
    func sku(_ name: String) -> String { parsed(name, expected: ProductRules.skuExpected, Self.sku) ?? "" }

    func optionalSKU(_ name: String) -> String? { optionalParsed(name, expected: ProductRules.skuExpected, Self.sku) }

    func category(_ name: String) -> String { parsed(name, expected: ProductRules.categoryExpected, Self.category) ?? "" }

    func optionalCategory(_ name: String) -> String? { optionalParsed(name, expected: ProductRules.categoryExpected, Self.category) }

    func productReference(_ name: String) -> String {
        parsed(name, expected: ProductRules.referenceExpected) { ProductRules.isReference($0) ? $0 : nil } ?? ""
    }

    private static func sku(_ text: String) -> String? { ProductRules.isSKU(text) ? text : nil }

    private static func category(_ text: String) -> String? { ProductRules.isCategory(text) ? text : nil }
}
