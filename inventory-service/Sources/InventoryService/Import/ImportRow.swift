import Basics
import HTTPPath
import InventoryAPI

/// What one row of an import says about a product. What it does not mention stays as it is, or is empty on a new product.
struct ImportRow: Hashable, Sendable {
    var line: Int
    var sku: String
    var name: String
    var category: String
    var description: String?
    var attributes: [String: String]?
    var reorderPoint: Int64?
    /// What is on hand of a new product. A product that is there already keeps its stock: the file does not know what was sold since.
    var stock: Int64?

    /// Reads a row from a JSON object, by the same rules as the body of a create.
    /// - Parameter columns: what to call the fields in errors; a field without an entry keeps its name.
    static func read(_ json: JSON, line: Int, columns: [String: String] = [:]) -> ImportItem {
        do throws(InvalidInput) {
            return .row(try Fields.read(json) { ImportRow($0, line: line) })
        } catch {
            return .rejected(
                error.errors.map { error in
                    // A pointer is "/field", or deeper.
                    let field = String(error.pointer.dropFirst().prefix { $0 != "/" })
                    return ImportError(line: line, column: field.isEmpty ? nil : columns[field] ?? field, reason: error.detail)
                })
        }
    }

    private init(_ fields: Fields, line: Int) {
        let draft = ProductDraft(fields)
        self.line = line
        sku = draft.sku
        name = draft.name
        category = draft.category
        description = fields.has("description") ? draft.description : nil
        attributes = fields.has("attributes") ? draft.attributes : nil
        reorderPoint = fields.has("reorderPoint") ? draft.reorderPoint : nil
        stock = fields.optionalInteger("stock", 0...ProductRules.mostMoved)
        // One file serves the catalogue and the price list; prices are the pricing service's.
        for name in ["price", "priceMinor", "currency"] { _ = fields.has(name) }
    }

    func product(id: Identifier, at now: Timestamp) -> Product {
        Product(
            id: id, sku: sku, name: name, description: description ?? "", category: category, attributes: attributes ?? [:],
            reorderPoint: reorderPoint ?? 0, createdAt: now, updatedAt: now)
    }

    func apply(to product: inout Product) {
        product.name = name
        product.category = category
        product.description = description ?? product.description
        product.attributes = attributes ?? product.attributes
        product.reorderPoint = reorderPoint ?? product.reorderPoint
    }

    /// nil where a new product comes without stock.
    func initialReceipt(of product: Identifier, actor: String, at now: Timestamp) -> Store.NewMovement? {
        guard let stock, stock > 0 else { return nil }
        return Store.NewMovement(
            productID: product, kind: .receipt, quantity: stock, reason: StockAdjustment.Reason.receipt.rawValue, note: "initial stock", actor: actor,
            at: now)
    }
}

/// A row, or why there is none.
enum ImportItem: Hashable {
    case row(ImportRow)
    /// At least one.
    case rejected([ImportError])
}
