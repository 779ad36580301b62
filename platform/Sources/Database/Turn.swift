import Synchronization

/// One transaction, from its checkout to its end.
final class Turn: Sendable {
    /// The turns this task is inside of, innermost first: one for each database at most.
    @TaskLocal static var current: Turn?

    private let owner: ObjectIdentifier
    private let outer: Turn?
    private let ended = Atomic<Bool>(false)

    init(of owner: AnyObject) {
        self.owner = ObjectIdentifier(owner)
        outer = Turn.current
    }

    var hasEnded: Bool { ended.load(ordering: .acquiring) }

    func end() { ended.store(true, ordering: .releasing) }

    func isHeld(of owner: AnyObject) -> Bool {
        (self.owner == ObjectIdentifier(owner) && !hasEnded) || (outer?.isHeld(of: owner) ?? false)
    }

    /// Throws `statement` if this task is inside a transaction on `owner`: what it asks would wait for that transaction to end.
    static func refuse(of owner: AnyObject) throws(DatabaseError) {
        if current?.isHeld(of: owner) ?? false {
            throw DatabaseError(.statement, "inside a transaction use its own runner: this call would wait for that transaction to end")
        }
    }
}
