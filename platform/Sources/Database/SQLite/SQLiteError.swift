import CSQLite

extension DatabaseError {
    /// - Parameters:
    ///   - result: an extended result code.
    ///   - detail: SQLite's message. Pass it only where it cannot hold a value: from preparing, or from a constraint.
    init(sqlite result: Int32, detail: String? = nil) {
        let primary = result & 0xFF
        if primary == SQLITE_CONSTRAINT {
            self = Self.constraint(result, detail ?? "")
            return
        }
        let code: Code =
            switch primary {
            case SQLITE_BUSY: result == SQLITE_BUSY | (2 << 8) ? .serializationFailure : .busy  // SQLITE_BUSY_SNAPSHOT
            case SQLITE_LOCKED: .busy
            case SQLITE_READONLY, SQLITE_PERM: .readOnly
            case SQLITE_INTERRUPT: .timeout
            case SQLITE_FULL: .diskFull
            case SQLITE_CORRUPT, SQLITE_NOTADB: .corrupt
            case SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_NOMEM: .unavailable
            default: .statement
            }
        self.init(code, "\(detail ?? String(cString: sqlite3_errstr(result))) (SQLite result \(result))")
    }

    // The message is "UNIQUE constraint failed: products.sku", "FOREIGN KEY constraint failed", or what a trigger raised.
    private static func constraint(_ result: Int32, _ detail: String) -> DatabaseError {
        let name = detail.firstRange(of: ": ").map { String(detail[$0.upperBound...]) }
        switch result >> 8 {
        case 6, 8, 10: return DatabaseError(.uniqueViolation, "a unique constraint failed", constraint: name)
        case 3: return DatabaseError(.foreignKeyViolation, "a foreign key constraint failed")
        case 1: return DatabaseError(.checkViolation, "a check constraint failed", constraint: name)
        case 5: return DatabaseError(.notNullViolation, "a NOT NULL constraint failed", constraint: name)
        case 7: return DatabaseError(.checkViolation, "a trigger refused the change", constraint: detail)
        default: return DatabaseError(.statement, "\(detail) (SQLite result \(result))")
        }
    }
}
