/// `If-Match` and `If-None-Match` (RFC 9110), as far as versions and entity tags of this service go.
struct Preconditions: Sendable {
    var ifMatch: String?
    var ifNoneMatch: String?

    static let none = Preconditions()

    /// Whether a reader already has the representation with `etag`: answer 304.
    func isCurrent(_ etag: String) -> Bool {
        guard let ifNoneMatch else { return false }
        return Self.tags(ifNoneMatch).contains { $0 == "*" || Self.opaque($0) == Self.opaque(etag[...]) }
    }

    enum Outcome: Equatable { case go, required, failed }

    /// Whether a change may go ahead.
    /// - Parameters:
    ///   - version: the version now; nil if there is nothing yet.
    ///   - required: refuse a change of something that exists without `If-Match`.
    func allowChange(of version: Int64?, required: Bool) -> Outcome {
        if let ifNoneMatch, let version, Self.tags(ifNoneMatch).contains(where: { $0 == "*" || Self.version($0) == version }) { return .failed }
        guard let ifMatch else { return required && version != nil && ifNoneMatch == nil ? .required : .go }
        guard let version else { return .failed }
        return Self.tags(ifMatch).contains { $0 == "*" || Self.version($0) == version } ? .go : .failed
    }

    /// The tags of a list; no tag of this service holds a comma.
    private static func tags(_ header: String) -> [Substring] {
        header.split(separator: ",").map { $0.drop { $0 == " " || $0 == "\t" } }.map { tag in
            tag.lastIndex { $0 != " " && $0 != "\t" }.map { tag[...$0] } ?? ""
        }
    }

    /// A tag without its weakness: reading compares weakly.
    private static func opaque(_ tag: Substring) -> Substring { tag.hasPrefix("W/") ? tag.dropFirst(2) : tag }

    /// The version in a strong tag: what stands before the first `-`. A weak one never matches a change.
    private static func version(_ tag: Substring) -> Int64? {
        guard tag.count >= 3, tag.first == "\"", tag.last == "\"" else { return nil }
        return Int64(tag.dropFirst().dropLast().prefix { $0 != "-" })
    }
}
