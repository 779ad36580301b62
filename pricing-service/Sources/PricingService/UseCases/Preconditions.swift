import HTTPPath
import ServiceKit

/// `If-Match` and `If-None-Match` (RFC 9110). A change compares versions: what stands in a tag before its first `-`. So a price that
/// was read in euros guards a change as well as one read in dollars, although they are different representations with different tags.
struct Preconditions: Sendable {
    private enum Tags {
        case any
        case list([Substring])
    }

    private var ifMatch: Tags?
    private var ifNoneMatch: Tags?

    static let none = Preconditions()

    private init() {}

    /// - Throws: 400 where a header is not a list of entity tags.
    init(ifMatch: String?, ifNoneMatch: String?) throws(Problem) {
        if let ifMatch { self.ifMatch = try Self.tags(ifMatch, "If-Match") }
        if let ifNoneMatch { self.ifNoneMatch = try Self.tags(ifNoneMatch, "If-None-Match") }
    }

    /// Whether a reader already has the representation with `etag`. Weak tags compare like strong ones, as reading allows.
    func isCurrent(_ etag: String) -> Bool {
        switch ifNoneMatch {
        case nil: false
        case .any: true
        case .list(let tags): tags.contains { Self.opaque($0) == etag }
        }
    }

    /// Whether a change may go ahead: 428 where something exists and nothing was said about it, 412 where what was said is not so.
    /// - Parameters:
    ///   - version: the version now; nil if there is nothing yet.
    ///   - required: whether a change of what exists needs `If-Match`.
    func checkChange(of version: Int64?, required: Bool) throws(Problem) {
        switch ifNoneMatch {
        case nil: break
        case .any: if version != nil { throw .preconditionFailed }
        case .list(let tags): if let version, tags.contains(where: { Self.version($0) == version }) { throw .preconditionFailed }
        }
        switch ifMatch {
        case nil:
            if required, version != nil {
                throw Problem(
                    428, "precondition_required", "Send If-Match with the ETag of what you read, so that nobody's change is lost.",
                    errors: [FieldError(pointer: "If-Match", detail: "is required")])
            }
        case .any: if version == nil { throw .preconditionFailed }
        case .list(let tags):
            guard let version, tags.contains(where: { Self.version($0) == version }) else { throw .preconditionFailed }
        }
    }

    private static func tags(_ text: String, _ header: String) throws(Problem) -> Tags {
        var tags: [Substring] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let tag = part.drop { $0 == " " || $0 == "\t" }
            let end = tag.lastIndex { $0 != " " && $0 != "\t" }.map { tag.index(after: $0) } ?? tag.startIndex
            tags.append(tag[..<end])
        }
        if tags == ["*"] { return .any }
        guard tags.allSatisfy({ opaque($0).count >= 2 && opaque($0).first == "\"" && opaque($0).last == "\"" }) else {
            throw .invalidParameter(header, "must be entity tags or *")
        }
        return .list(tags)
    }

    private static func opaque(_ tag: Substring) -> Substring { tag.hasPrefix("W/") ? tag.dropFirst(2) : tag }

    /// Of a strong tag: a weak one never guards a change.
    private static func version(_ tag: Substring) -> Int64? {
        guard tag.first == "\"" else { return nil }
        return Int64(tag.dropFirst().dropLast().prefix { $0 != "-" })
    }
}
