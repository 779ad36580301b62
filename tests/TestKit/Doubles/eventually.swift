import Testing

/// Asks again and again until the condition holds. Only for tests with real processes, which have no clock that a test could move.
/// - Returns: whether it came to hold; an issue is recorded if not.
@discardableResult
public func eventually(
    within time: Duration, _ what: String, fileID: String = #fileID, filePath: String = #filePath, line: Int = #line, column: Int = #column,
    _ condition: () async throws -> Bool
) async throws -> Bool {
    let end = ContinuousClock.now + time
    var last: (any Error)?
    while ContinuousClock.now < end {
        do {
            if try await condition() { return true }
            last = nil
        } catch {
            last = error
        }
        try await Task.sleep(for: .milliseconds(20))
    }
    Issue.record(
        "not within \(time): \(what)\(last.map { "; last: \($0)" } ?? "")",
        sourceLocation: SourceLocation(fileID: fileID, filePath: filePath, line: line, column: column))
    return false
}
