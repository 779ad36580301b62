/// Guards that can be taken away one by one, to prove that the tests would notice. Empty everywhere but there.
package struct CacheMutations: OptionSet, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// A value is written into the shared tier over a newer one.
    package static let versionedWrite = CacheMutations(rawValue: 1 << 0)
    /// A value is written into the shared tier though an invalidation forbids it.
    package static let tombstone = CacheMutations(rawValue: 1 << 1)
    /// What a load brings is kept in memory though its key was invalidated meanwhile.
    package static let flightInvalidation = CacheMutations(rawValue: 1 << 2)
    /// A value is written into the shared tier though that lost its tombstones since the load began.
    package static let tierEpoch = CacheMutations(rawValue: 1 << 3)
    /// What memory holds is believed though invalidations were not heard since.
    package static let hearing = CacheMutations(rawValue: 1 << 4)
    /// An invalidation that could not be sent is forgotten.
    package static let debts = CacheMutations(rawValue: 1 << 5)
}
