import Basics
import HTTPPath

extension BadInputAttempts {
    /// The text of the body: what is no JSON, or not the kind of JSON that is asked for.
    mutating func spoilText(_ json: JSON) {
        let bytes = json.bytes
        let isObject = json.members != nil
        let name = json.members?.first?.name ?? "x"
        let malformed: [(String, [UInt8])] = [
            ("nothing", []), ("a text cut off", bytes.dropLast()), ("bytes after the value", bytes + Array(" x".utf8)),
            ("a name twice", Array(#"{"\#(name)":null,"\#(name)":null}"#.utf8)), ("single quotes", Array("{'a':1}".utf8)),
            ("a trailing comma", bytes.dropLast() + Array((isObject ? ",}" : ",]").utf8)), ("NaN", Array(#"{"\#(name)":NaN}"#.utf8)),
        ]
        for (what, body) in malformed { add(.malformedJSON, "", what, .syntax, body: body) }
        let prefix = json.members?.isEmpty ?? true ? Array("{".utf8) : bytes.dropLast() + Array(",".utf8)
        add(.invalidUTF8, "", "invalid UTF-8 in a string", .syntax, body: prefix + Array(#""x":""#.utf8) + [0xC3, 0x28] + Array(#""}"#.utf8))
        add(.invalidUTF8, "", "half a surrogate pair", .syntax, body: prefix + Array(#""x":"\ud800"}"#.utf8))
        let depth = min(10_000, maxBodyBytes / 4)
        let arrays = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        add(.deepNesting, "", "\(depth) nested arrays", .syntax, body: Array(#"{"\#(name)":\#(arrays)}"#.utf8))
        let objects = String(repeating: #"{"a":"#, count: depth / 4) + "1" + String(repeating: "}", count: depth / 4)
        add(.deepNesting, "", "\(depth / 4) nested objects", .syntax, body: Array(objects.utf8))
        for (what, other) in [("an array", JSON.array([json])), ("a string", JSON.string("x")), ("null", JSON.null)] {
            add(.wrongType, "", "\(what) instead of the object", .body(""), body: other.bytes)
        }
    }

    /// Each field in turn.
    mutating func spoilFields(_ json: JSON) {
        let known = schema?.body(json)?.nodes ?? [:]
        for (pointer, value) in json.nodes {
            func with(_ replacement: JSON?) -> [UInt8] { json.replacing(pointer, with: replacement).bytes }
            for (what, wrong) in Self.wrongTypes(value) { add(.wrongType, pointer, "\(what) at \(pointer)", .body(pointer), body: with(wrong)) }
            let node = known[pointer]
            // An element of a list cannot be missing; and what the document does not name, such as a free attribute, is not required.
            if let node, node.isRequired, !pointer.hasSuffix("/0") {
                add(.missingField, pointer, "without \(pointer)", .body(pointer), body: with(nil))
                add(.missingField, pointer, "null at \(pointer)", .body(pointer), body: with(.null))
            }
            switch value {
            case .integer:
                let bounds = [node?.minimum.map { $0 - 1 }, node?.maximum.map { $0 + 1 }].compactMap { $0 }
                for number in [Int64.min, Int64.max] + bounds {
                    add(.outOfRange, pointer, "\(number) at \(pointer)", .body(pointer), body: with(.integer(number)))
                }
                let huge = JSON.number("1" + String(repeating: "0", count: 400))
                add(.outOfRange, pointer, "a number of 401 digits at \(pointer)", .body(pointer), body: with(huge))
            case .string:
                let length = min(20_001, maxBodyBytes / 2)
                add(
                    .overLong, pointer, "\(length) characters at \(pointer)", .body(pointer),
                    body: with(.string(String(repeating: "x", count: length))))
                // Well-formed, and yet nothing that every store can hold.
                add(.outOfRange, pointer, "a NUL at \(pointer)", .body(pointer), body: with("a\u{0}b"))
                if node?.isEnum ?? false { add(.unknownEnum, pointer, "an unknown value at \(pointer)", .body(pointer), body: with("no_such_value")) }
                if example.references.contains(pointer) {
                    let id = Sources.system.makeID().description
                    add(.unknownID, pointer, "an unknown id at \(pointer)", .init(statuses: [404, 409, 422]), body: with(.string(id)))
                }
            case .array(let items):
                let many = JSON.array(Array(repeating: items.first ?? .null, count: 2001))
                add(.outOfRange, pointer, "2,001 items at \(pointer)", .init(statuses: [413, 422]), body: with(many))
            default: break
            }
        }
    }

    private static func wrongTypes(_ value: JSON) -> [(String, JSON)] {
        switch value {
        case .null: []
        case .bool: [("a string", "true"), ("a number", 1)]
        case .integer: [("a string", "7"), ("a fraction", .number("1.5")), ("a boolean", true)]
        case .number: [("a string", "7"), ("a boolean", true)]
        case .string: [("a number", 7), ("an array", ["x"]), ("an object", .object([]))]
        case .array: [("an object", .object([])), ("a string", "x")]
        case .object: [("an array", []), ("a string", "x")]
        }
    }

    mutating func spoilMediaType() {
        for type in ["text/plain", "application/xml", "application/json; charset=utf-16"] {
            add(.wrongMediaType, "Content-Type", type, .mediaType, contentType: .some(type))
        }
        add(.wrongMediaType, "Content-Type", "no type", .mediaType, contentType: .some(nil))
    }

    mutating func spoilSize(_ bytes: [UInt8]) {
        // Valid but for its length: only a real bound refuses it.
        let padded = bytes + Array(repeating: UInt8(ascii: " "), count: max(0, maxBodyBytes + 1 - bytes.count))
        add(.tooLarge, "", "one byte too many", .tooLarge, body: padded)
        add(.tooLarge, "", "one byte too many, length unknown", .tooLarge, body: padded, chunked: true)
    }
}
