import Basics
import HTTPPath
import HTTPTypes
import ServiceKit

/// Makes all spoilt requests of one route from its example.
struct BadInputAttempts {
    let example: RouteExample
    let entry: Routes.Entry
    let schema: RequestSchema?
    let maxBodyBytes: Int
    private(set) var list: [BadInputAttempt] = []
    /// Why a cell has no request, where the route itself is the reason.
    private(set) var inapplicable: [BadInputCell: String] = [:]

    init(_ example: RouteExample, _ entry: Routes.Entry, _ schema: RequestSchema?, maxBodyBytes: Int) {
        self.example = example
        self.entry = entry
        self.schema = schema
        self.maxBodyBytes = maxBodyBytes
        spoilPath()
        spoilQuery()
        spoilHeaders()
        spoilCaller()
        switch example.body {
        case .json(let json):
            spoilText(json)
            spoilFields(json)
            spoilMediaType()
            spoilSize(json.bytes)
        case .bytes(let bytes, _):
            spoilMediaType()
            if entry.kind == .plain { spoilSize(bytes) }
        case nil: break
        }
        for cell in BadInputCell.allCases where !list.contains(where: { $0.cell == cell }) { inapplicable[cell] = whyNone(cell) }
    }

    private func whyNone(_ cell: BadInputCell) -> String {
        switch cell {
        case .malformedJSON, .deepNesting, .wrongMediaType: "the route takes no JSON body"
        case .tooLarge: example.body == nil ? "the route takes no body" : "the body is a stream, bounded by row"
        case .unknownID, .malformedID: "the path has no parameter"
        case .unknownEnum: "the OpenAPI document names no enumeration in the request"
        case .missingField: "the OpenAPI document names no required field"
        default: "nothing in the request is of this kind"
        }
    }

    mutating func add(
        _ cell: BadInputCell, _ pointer: String?, _ what: String, _ expectation: BadInputExpectation, path: String? = nil, headers: HTTPFields? = nil,
        body: [UInt8]? = nil, contentType: String?? = nil, chunked: Bool = false, caller: Caller? = nil
    ) {
        var expectation = expectation
        expectation.codes?.formUnion(example.codes)
        list.append(
            BadInputAttempt(
                cell: cell, pointer: pointer, what: what, path: path ?? example.target(), headers: headers ?? example.headers,
                body: body ?? example.bytes,
                contentType: contentType ?? example.contentType, chunked: chunked, caller: caller ?? example.caller, expected: expectation))
    }

    private mutating func spoilPath() {
        let malformed = [
            ("a control character", "a%01b"), ("a NUL", "a%00b"), ("invalid UTF-8", "%C3%28"), ("invalid percent-encoding", "%zz"),
            ("300 characters", String(repeating: "x", count: 300)),
        ]
        for name in example.parameters {
            for (what, value) in malformed {
                add(
                    what == "invalid UTF-8" ? .invalidUTF8 : .malformedID, name, what, .parameter(name),
                    path: example.target(replacing: [name: value]))
            }
            let isUUID = Identifier(example.path[name] ?? "") != nil
            if isUUID {
                add(.malformedID, name, "no UUID", .init(statuses: [400, 404]), path: example.target(replacing: [name: "not-a-uuid"]))
            }
            let unknown = example.unknown[name] ?? (isUUID ? Sources.system.makeID().description : "NO-SUCH-THING-1")
            add(
                .unknownID, name, "an unknown \(name)", .init(statuses: isUUID ? [404] : [400, 404]),
                path: example.target(replacing: [name: unknown.percentEncoded]))
        }
    }

    private mutating func spoilQuery() {
        let example = example
        let base = example.query.map { "\($0.key.percentEncoded)=\($0.value.percentEncoded)" }
        func adding(_ extra: String) -> String { example.target(query: (base + [extra]).joined(separator: "&")) }
        func setting(_ name: String, _ raw: String) -> String {
            example.target(
                query: example.query.map { "\($0.key.percentEncoded)=\($0.key == name ? raw : $0.value.percentEncoded)" }.joined(separator: "&"))
        }
        add(.unknownQuery, "noSuchParameter", "an unknown parameter", .parameter("noSuchParameter"), path: adding("noSuchParameter=1"))
        add(.invalidUTF8, "query", "invalid UTF-8 in the query", .query, path: adding("q=%C3%28"))
        add(.duplicateQuery, "twice", "a parameter twice", .parameter("twice"), path: adding("twice=1&twice=1"))
        let documented = schema?.query ?? []
        for (name, value) in example.query {
            add(.duplicateQuery, name, "\(name) twice", .parameter(name), path: adding("\(name.percentEncoded)=\(value.percentEncoded)"))
            add(.overLong, name, "\(name) of 2,000 characters", .parameter(name), path: setting(name, String(repeating: "x", count: 2000)))
            add(.invalidUTF8, name, "invalid UTF-8 in \(name)", .query, path: setting(name, "%FF"))
            if Int64(value) != nil {
                add(.wrongType, name, "\(name) that is no number", .parameter(name), path: setting(name, "abc"))
                for number in ["-1", "999999999999", "99999999999999999999999"] {
                    add(.outOfRange, name, "\(name)=\(number)", .parameter(name), path: setting(name, number))
                }
            } else if value == "true" || value == "false" {
                add(.wrongType, name, "\(name) that is no boolean", .parameter(name), path: setting(name, "maybe"))
            }
            if documented.contains(where: { $0.name == name && $0.isEnum }) {
                add(.unknownEnum, name, "an unknown value of \(name)", .parameter(name), path: setting(name, "no_such_value"))
            }
        }
        if documented.contains(where: { $0.name == "cursor" }), !example.query.contains(where: { $0.key == "cursor" }) {
            // No base64; base64 of no JSON; of an empty list; of a list of a number; of a list of a NUL.
            for garbage in ["%21%21", "bm90IGpzb24", "W10", "WzFd", "WyJcdTAwMDAiXQ"] {
                add(.wrongType, "cursor", "a cursor that no list gave out", .parameter("cursor"), path: adding("cursor=\(garbage)"))
            }
        }
    }

    private mutating func spoilHeaders() {
        let example = example
        func with(_ name: HTTPField.Name, _ value: String) -> HTTPFields {
            var headers = example.headers
            headers[name] = value
            return headers
        }
        for value in ["soon", "0", "-5", "1.5"] {
            add(
                .malformedHeader, "X-Request-Timeout-Ms", "a timeout of \(value)", .parameter("X-Request-Timeout-Ms"),
                headers: with(.requestTimeout, value))
        }
        if example.headers[.idempotencyKey] != nil {
            for value in [String(repeating: "k", count: 256), "two words", "k\u{e9}y"] {
                add(.malformedHeader, "Idempotency-Key", "a malformed key", .parameter("Idempotency-Key"), headers: with(.idempotencyKey, value))
            }
        }
        if example.headers[.ifMatch] != nil {
            add(.malformedHeader, "If-Match", "a malformed If-Match", .parameter("If-Match"), headers: with(.ifMatch, "bogus"))
        }
    }

    private mutating func spoilCaller() {
        let refused = BadInputExpectation(statuses: [401, 403], codes: ["unauthenticated", "forbidden"])
        let callers: [(String, Caller, Identity.Role)] = [
            ("nobody", .anonymous, .anonymous), ("a shopper", .shopper("mallory"), Identity.Role(rawValue: "shopper")),
            ("an operator", .operator, .operator), ("a service", .gateway, .service),
        ]
        for (name, caller, role) in callers where !entry.access.contains(role) { add(.refusedCaller, name, name, refused, caller: caller) }
        add(
            .refusedCaller, "garbage", "a token of garbage", .init(statuses: [401], codes: ["unauthenticated"], pointer: "Authorization"),
            caller: .raw("x.y.z"))
    }
}
