import Database
import HTTPPath
import ServiceKit
import Testing

@Suite("What a database's errors look like to a caller")
struct ProblemMappingTests {
    static let table: [(DatabaseError.Code, status: Int, code: String)] = [
        (.uniqueViolation, 500, "internal_error"), (.foreignKeyViolation, 500, "internal_error"), (.checkViolation, 500, "internal_error"),
        (.notNullViolation, 500, "internal_error"), (.serializationFailure, 503, "unavailable"), (.deadlock, 503, "unavailable"),
        (.busy, 503, "unavailable"), (.timeout, 504, "deadline_exceeded"), (.cancelled, 503, "unavailable"), (.connectionLost, 503, "unavailable"),
        (.commitUnknown, 503, "unavailable"), (.poolExhausted, 503, "unavailable"), (.diskFull, 503, "unavailable"), (.readOnly, 503, "unavailable"),
        (.corrupt, 500, "internal_error"), (.migrationChecksumMismatch, 500, "internal_error"), (.decoding, 500, "internal_error"),
        (.statement, 500, "internal_error"), (.closed, 503, "unavailable"), (.unavailable, 503, "unavailable"),
    ]

    @Test("each code has its status; a 503 says when to come back, and nothing repeats the database's own words")
    func codes() {
        #expect(Set(Self.table.map(\.0)).count == 20)
        for row in Self.table {
            let problem = Problem(mapping: DatabaseError(row.0, "the words of the database", constraint: "a_constraint"))
            #expect(problem.status == row.status && problem.code == row.code, "\(row.0)")
            #expect((problem.retryAfterSeconds != nil) == (row.status == 503), "\(row.0)")
            #expect(!problem.detail.contains("words") && !problem.detail.contains("a_constraint"))
        }
    }

    @Test("a commit whose answer was lost is told apart from one that did not happen")
    func commitUnknown() {
        let unknown = Problem(mapping: DatabaseError(.commitUnknown, ""))
        #expect(unknown.detail != Problem(mapping: DatabaseError(.connectionLost, "")).detail)
        #expect(unknown.detail.contains("not known"))
    }
}
