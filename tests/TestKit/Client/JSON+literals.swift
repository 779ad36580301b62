public import HTTPPath
import NIOCore

// JSON as a test wants to write it: `["sku": "LAMP-1", "price": ["amountMinor": 1999, "currency": "USD"]]`.

extension JSON: ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByNilLiteral, ExpressibleByStringInterpolation
{
    public init(dictionaryLiteral elements: (String, JSON)...) { self = .object(elements.map { Member($0.0, $0.1) }) }
    public init(arrayLiteral elements: JSON...) { self = .array(elements) }
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(nilLiteral: ()) { self = .null }

    /// Its text, in UTF-8.
    public var bytes: [UInt8] { Array(JSONWriter.bytes(self).readableBytesView) }

    /// The value with one member set, added or (nil) removed.
    public func with(_ name: String, _ value: JSON?) -> JSON {
        var members = (members ?? []).filter { $0.name != name }
        if let value {
            let position = self.members?.firstIndex { $0.name == name } ?? members.count
            members.insert(Member(name, value), at: min(position, members.count))
        }
        return .object(members)
    }
}
