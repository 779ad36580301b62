import Basics

extension LibPQResult {
    /// The rows; read by whoever waits for them, not on the loop's thread.
    ///
    /// Throws `decoding` for a column of a type that this module does not read: cast it in the statement.
    func rows() throws(DatabaseError) -> [Row] {
        let count = rowCount
        guard count > 0 else { return [] }
        let columns = Columns((0..<columnCount).map(columnName))
        var types: [PostgresType] = []
        types.reserveCapacity(columnCount)
        for column in 0..<columnCount {
            guard let type = PostgresType(rawValue: columnType(column)) else {
                throw DatabaseError(.decoding, "column \"\(columnName(column))\" is of PostgreSQL's type \(columnType(column)): cast it, to text say")
            }
            types.append(type)
        }
        var rows: [Row] = []
        rows.reserveCapacity(count)
        for row in 0..<count {
            var values: [SQLValue] = []
            values.reserveCapacity(types.count)
            for (column, type) in types.enumerated() {
                let value = withValue(row, column) { $0.map { SQLValue(type, $0) } ?? .null }
                guard let value else {
                    throw DatabaseError(.decoding, "column \"\(columns.names[column])\" holds a \(type) that cannot be read")
                }
                values.append(value)
            }
            rows.append(Row(columns: columns, values: values))
        }
        return rows
    }

    /// Rows inserted, updated or deleted; 0 for any other statement.
    var changes: Int {
        let command = command
        return ["INSERT", "UPDATE", "DELETE", "MERGE"].contains { command.hasPrefix($0) } ? affectedRows : 0
    }
}

extension SQLValue {
    /// Reads the binary form of a type; nil if the bytes are not of that form, or are out of range here.
    init?(_ type: PostgresType, _ bytes: UnsafeRawBufferPointer) {
        switch type {
        case .bool:
            guard bytes.count == 1 else { return nil }
            self = .bool(bytes[0] != 0)
        case .int2:
            guard let value = bytes.integer(as: Int16.self) else { return nil }
            self = .integer(Int64(value))
        case .int4:
            guard let value = bytes.integer(as: Int32.self) else { return nil }
            self = .integer(Int64(value))
        case .oid:
            guard let value = bytes.integer(as: UInt32.self) else { return nil }
            self = .integer(Int64(value))
        case .int8:
            guard let value = bytes.integer(as: Int64.self) else { return nil }
            self = .integer(value)
        case .float4:
            guard let bits = bytes.integer(as: UInt32.self) else { return nil }
            self = .double(Double(Float(bitPattern: bits)))
        case .float8:
            guard let bits = bytes.integer(as: UInt64.self) else { return nil }
            self = .double(Double(bitPattern: bits))
        case .timestamp, .timestamptz:
            // The two ends stand for -infinity and infinity.
            guard let value = bytes.integer(as: Int64.self), value != .min, value != .max else { return nil }
            let (microseconds, overflow) = value.addingReportingOverflow(PostgresType.epoch)
            guard !overflow else { return nil }
            self = .timestamp(Timestamp(microseconds: microseconds))
        case .uuid:
            guard bytes.count == 16, let high = bytes.prefix(8).integer(as: UInt64.self), let low = bytes.dropFirst(8).integer(as: UInt64.self)
            else { return nil }
            self = .identifier(Identifier(high: high, low: low))
        case .bytea: self = .blob(Array(bytes))
        case .numeric:
            guard let value = Self.numeric(bytes) else { return nil }
            self = value
        case .jsonb:
            // One byte of version comes first.
            guard bytes.first == 1 else { return nil }
            self = .text(String(decoding: bytes.dropFirst(), as: UTF8.self))
        case .text, .varchar, .bpchar, .name, .char, .json, .unknown, .unknownText: self = .text(String(decoding: bytes, as: UTF8.self))
        case .void: self = .null
        }
    }

    /// A decimal as an integer if it is one that fits, else as text.
    private static func numeric(_ bytes: UnsafeRawBufferPointer) -> SQLValue? {
        // Count of digits, weight of the first one, sign, digits behind the point that are shown; then the digits, to the base 10,000.
        guard bytes.count >= 8, let count = bytes.integer(as: Int16.self, at: 0), let weight = bytes.integer(as: Int16.self, at: 2),
            let sign = bytes.integer(as: UInt16.self, at: 4), let scale = bytes.integer(as: UInt16.self, at: 6),
            count >= 0, bytes.count == 8 + 2 * Int(count)
        else { return nil }
        switch sign {
        case 0xC000: return .text("NaN")
        case 0xD000: return .text("Infinity")
        case 0xF000: return .text("-Infinity")
        default: break
        }
        let digits = (0..<Int(count)).map { Int64(bytes.integer(as: Int16.self, at: 8 + 2 * $0) ?? 0) }
        let isNegative = sign == 0x4000
        if count == 0, scale == 0 { return .integer(0) }
        if digits.count <= Int(weight) + 1, scale == 0 {
            var value: Int64 = 0
            var fits = true
            for position in 0...max(0, Int(weight)) {
                let (shifted, overflow) = value.multipliedReportingOverflow(by: 10_000)
                let (next, carried) = shifted.subtractingReportingOverflow(position < digits.count ? digits[position] : 0)
                fits = fits && !overflow && !carried
                value = next
            }
            // Counted downwards, so that the least Int64 fits.
            if fits, isNegative { return .integer(value) }
            if fits, value != .min { return .integer(-value) }
        }
        var text = isNegative ? "-" : ""
        var whole = ""
        for position in stride(from: 0, through: Int(weight), by: 1) {
            let digit = String(position < digits.count ? digits[position] : 0)
            whole += whole.isEmpty ? digit : String(repeating: "0", count: 4 - digit.count) + digit
        }
        text += whole.isEmpty ? "0" : whole
        if scale > 0 {
            var fraction = ""
            var position = Int(weight) + 1
            while fraction.utf8.count < Int(scale) {
                let digit = String(digits.indices.contains(position) ? digits[position] : 0)
                fraction += String(repeating: "0", count: 4 - digit.count) + digit
                position += 1
            }
            text += "." + fraction.prefix(Int(scale))
        }
        return .text(text)
    }
}

extension UnsafeRawBufferPointer {
    /// The big-endian integer that the buffer is; nil if it is of another length.
    fileprivate func integer<I: FixedWidthInteger>(as type: I.Type) -> I? {
        count == MemoryLayout<I>.size ? I(bigEndian: loadUnaligned(as: type)) : nil
    }

    fileprivate func integer<I: FixedWidthInteger>(as type: I.Type, at offset: Int) -> I? {
        offset + MemoryLayout<I>.size <= count ? I(bigEndian: loadUnaligned(fromByteOffset: offset, as: type)) : nil
    }
}

extension Slice<UnsafeRawBufferPointer> {
    fileprivate func integer<I: FixedWidthInteger>(as type: I.Type) -> I? {
        UnsafeRawBufferPointer(rebasing: self).integer(as: type)
    }
}
