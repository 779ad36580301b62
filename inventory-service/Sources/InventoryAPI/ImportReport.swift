public import HTTPPath

/// What became of an import's rows. A row is created, updated, unchanged or rejected.
public struct ImportReport: Hashable, Sendable {
    /// Errors told; further ones are only counted. A thousand are enough to see what is wrong with a file, and bound the answer.
    public static let mostErrors = 1000

    /// Nothing was written.
    public var dryRun: Bool
    public var created: Int
    public var updated: Int
    public var unchanged: Int
    public var rejected: Int
    /// Of the rejected rows, in the order of the lines.
    public var errors: [ImportError]

    public init(dryRun: Bool, created: Int = 0, updated: Int = 0, unchanged: Int = 0, rejected: Int = 0, errors: [ImportError] = []) {
        self.dryRun = dryRun
        self.created = created
        self.updated = updated
        self.unchanged = unchanged
        self.rejected = rejected
        self.errors = errors
    }
}

extension ImportReport: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(
            dryRun: fields.bool("dryRun"), created: Int(fields.integer("created", 0...Int64.max)),
            updated: Int(fields.integer("updated", 0...Int64.max)), unchanged: Int(fields.integer("unchanged", 0...Int64.max)),
            rejected: Int(fields.integer("rejected", 0...Int64.max)), errors: fields.list("errors", 0...Self.mostErrors, ImportError.init))
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("dryRun", dryRun)
            $0.field("created", created)
            $0.field("updated", updated)
            $0.field("unchanged", unchanged)
            $0.field("rejected", rejected)
            $0.field("errors", errors)
        }
    }
}

/// Why a row was rejected.
public struct ImportError: Hashable, Sendable {
    /// The line of the file on which the row begins, from 1.
    public var line: Int
    /// The column or field; nil where the row as a whole cannot be read.
    public var column: String?
    public var reason: String

    public init(line: Int, column: String?, reason: String) {
        self.line = line
        self.column = column
        self.reason = reason
    }
}

extension ImportError: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(
            line: Int(fields.integer("line", 1...Int64.max)), column: fields.optionalString("column", 1...200),
            reason: fields.string("reason", 1...500))
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("line", line)
            $0.field("column", column)
            $0.field("reason", reason)
        }
    }
}
