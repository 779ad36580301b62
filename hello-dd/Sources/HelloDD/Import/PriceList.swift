internal import HTTPPath
internal import InventoryAPI
internal import PricingAPI

/// The prices in a catalogue file, read beside its being sent: inventory passes over them, and pricing wants them one by one.
///
/// CSV: the columns `price_minor` and `currency`. NDJSON: the member `price`, such as `{"amountMinor": 1999, "currency": "USD"}`.
struct PriceList: Sendable {
    struct Row: Hashable, Sendable {
        var line: Int
        var sku: String
        var price: Money
    }

    /// Rows that are kept until the products are there; some 100 MB. A longer file is split.
    static let mostRows = 1_000_000

    private enum Input: Sendable {
        case csv(CSVRecords, columns: Columns?)
        case ndjson(pending: [UInt8], isTooLong: Bool, line: Int)
    }

    private struct Columns: Sendable {
        var sku: Int
        var price: Int
        var currency: Int?
        var count: Int
    }

    private(set) var rows: [Row] = []
    /// Of rows whose price cannot be read; at most as many as an import's report names.
    private(set) var errors: [ImportError] = []
    private(set) var rejected = 0
    /// Rows beyond `mostRows`.
    private(set) var omitted = 0
    private var input: Input
    /// The file's header names no prices.
    private var isWithout = false

    init(_ format: Import.Format) {
        input = format == .csv ? .csv(CSVRecords(), columns: nil) : .ndjson(pending: [], isTooLong: false, line: 1)
    }

    mutating func append(_ bytes: ArraySlice<UInt8>) {
        guard !isWithout else { return }
        switch input {
        case .csv(var records, let columns):
            input = .ndjson(pending: [], isTooLong: false, line: 0)
            let found = records.append(bytes)
            input = .csv(records, columns: columns)
            for record in found { take(record) }
        case .ndjson(var pending, var isTooLong, var line):
            input = .ndjson(pending: [], isTooLong: false, line: 0)
            for byte in bytes {
                if byte == UInt8(ascii: "\n") {
                    if !isTooLong { take(pending, line: line) }
                    pending.removeAll(keepingCapacity: true)
                    isTooLong = false
                    line += 1
                } else if pending.count == CSVRecords.longest {
                    isTooLong = true
                } else {
                    pending.append(byte)
                }
            }
            input = .ndjson(pending: pending, isTooLong: isTooLong, line: line)
        }
    }

    mutating func finish() {
        switch input {
        case .csv(var records, _):
            if let record = records.finish() { take(record) }
        case .ndjson(let pending, let isTooLong, let line):
            if !isTooLong, !pending.isEmpty { take(pending, line: line) }
        }
    }

    // MARK: CSV

    private mutating func take(_ record: CSVRecords.Record) {
        guard !isWithout, case .csv(let records, let columns) = input else { return }
        guard let columns else {
            let names = record.fields ?? []
            guard let sku = names.firstIndex(of: "sku"), let price = names.firstIndex(of: "price_minor") else {
                isWithout = true
                return
            }
            input = .csv(records, columns: Columns(sku: sku, price: price, currency: names.firstIndex(of: "currency"), count: names.count))
            return
        }
        // A row that cannot be read is named by the shop, which gets it too.
        guard let fields = record.fields, fields.count == columns.count else { return }
        let (amount, currency) = (fields[columns.price], columns.currency.map { fields[$0] } ?? "")
        if amount.isEmpty, currency.isEmpty { return }
        guard let number = Int64(amount) else {
            return reject(record.line, "price_minor", "must be a whole number of minor units, such as 1999")
        }
        take(record.line, fields[columns.sku], number, currency.isEmpty ? nil : currency, columns: ("price_minor", "currency"))
    }

    // MARK: NDJSON

    private mutating func take(_ line: [UInt8], line number: Int) {
        guard let row = try? JSON.parse(line, maxDepth: 8), let sku = row["sku"]?.string, let price = row["price"], price != .null else { return }
        guard let amount = price["amountMinor"]?.integer else { return reject(number, "price", "must have an amountMinor, a whole number") }
        take(number, sku, amount, price["currency"]?.string, columns: ("price", "price"))
    }

    // MARK: -

    private mutating func take(_ line: Int, _ sku: String, _ amount: Int64, _ code: String?, columns: (amount: String, currency: String)) {
        guard (0...Money.largestUnitPriceMinor).contains(amount) else {
            return reject(line, columns.amount, "must be from 0 to \(Money.largestUnitPriceMinor)")
        }
        guard let currency = code.flatMap(Currency.init) else {
            return reject(line, columns.currency, "must be a currency of ISO 4217 in capitals, such as USD")
        }
        guard rows.count < Self.mostRows else {
            omitted += 1
            return
        }
        rows.append(Row(line: line, sku: sku, price: Money(amountMinor: amount, currency: currency)))
    }

    private mutating func reject(_ line: Int, _ column: String, _ reason: String) {
        rejected += 1
        if errors.count < ImportReport.mostErrors { errors.append(ImportError(line: line, column: column, reason: reason)) }
    }
}
