public import Database
public import Testing

/// Two calls that come at the same moment, on an engine where transactions really run side by side.
///
/// One call is stopped before each of its statements in turn, and the other runs in that gap until it has ended or waits for a lock. What
/// both answer, and what is stored then, must be what one after the other gives, in one order or the other.
public struct Encounter<Scene: Sendable>: Sendable {
    /// A call: what it answers, without anything that differs from one scene to the next, refusals included.
    public typealias Call = @Sendable (Scene, any Database) async throws -> String

    private let database: any Database
    private let scene: @Sendable () async throws -> Scene
    private let stored: @Sendable (Scene) async throws -> [String]
    private let allowed: @Sendable (String) -> Bool

    /// - Parameters:
    ///   - database: of PostgreSQL, with two connections at least, and one attempt, so that a deadlock is seen and not run again.
    ///   - allowed: answers that are right though no order of the calls gives them, such as "come back later".
    ///   - scene: makes what the calls meet at, with names that no other scene has.
    ///   - stored: all that counts of a scene, without anything that differs from one to the next.
    public init(
        on database: any Database, allowing allowed: @escaping @Sendable (String) -> Bool = { _ in false },
        scene: @escaping @Sendable () async throws -> Scene, stored: @escaping @Sendable (Scene) async throws -> [String]
    ) {
        self.database = database
        self.scene = scene
        self.stored = stored
        self.allowed = allowed
    }

    private struct Result: Hashable, CustomStringConvertible {
        var first: String
        var second: String
        var stored: [String]

        var description: String { "\(first) | \(second) | \(stored.joined(separator: "; "))" }
    }

    /// Lets two calls meet wherever they may.
    /// - Parameter name: says which calls these are, in what a failure says.
    /// - Returns: how often the second one waited for a lock.
    @discardableResult
    public func expectInTurn(
        _ name: String, _ first: @escaping Call, _ second: @escaping Call, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Int {
        var serial: [Result] = []
        for isReversed in [false, true] {
            let scene = try await scene()
            let (one, other) = isReversed ? (second, first) : (first, second)
            let answers = [await answer(one, scene, database), await answer(other, scene, database)]
            serial.append(Result(first: answers[isReversed ? 1 : 0], second: answers[isReversed ? 0 : 1], stored: try await stored(scene)))
        }
        var waits = 0
        var point = 0
        while true {
            let (result, hasMet, hasWaited) = try await meet(first, second, at: point)
            let isRight = serial.contains { one in
                (result.first == one.first || allowed(result.first)) && (result.second == one.second || allowed(result.second))
                    && result.stored == one.stored
            }
            #expect(
                isRight, "\(name), the first one stopped before its statement \(point): \(result); in turn: \(serial)", sourceLocation: sourceLocation
            )
            waits += hasWaited ? 1 : 0
            guard hasMet else { break }
            point += 1
        }
        #expect(point > 0, "\(name): the first one ran no statement", sourceLocation: sourceLocation)
        return waits
    }

    private func meet(_ first: @escaping Call, _ second: @escaping Call, at point: Int) async throws -> (Result, hasMet: Bool, hasWaited: Bool) {
        let scene = try await scene()
        let pausing = PausingDatabase(database, at: point)
        async let one = pausing.running { database in await answer(first, scene, database) }
        let hasMet = await pausing.hasStopped()
        let isOver = Gate()
        async let other = {
            let answer = await answer(second, scene, database)
            isOver.open()
            return answer
        }()
        var hasWaited = false
        while hasMet && !isOver.isOpen && !hasWaited { hasWaited = try await isAnybodyWaiting() }
        pausing.goOn()
        let answers = (await one, await other)
        return (Result(first: answers.0, second: answers.1, stored: try await stored(scene)), hasMet, hasWaited)
    }

    /// An error that no caller should see is an answer that one after the other never gives.
    private func answer(_ call: Call, _ scene: Scene, _ database: any Database) async -> String {
        do { return try await call(scene, database) } catch { return "failed: \(error)" }
    }

    /// Whether a connection of this database waits for a lock.
    private func isAnybodyWaiting() async throws -> Bool {
        try await !database.query(
            """
            SELECT 1 AS one FROM pg_stat_activity
            WHERE application_name = current_setting('application_name') AND wait_event_type = 'Lock' LIMIT 1
            """
        ).isEmpty
    }
}
