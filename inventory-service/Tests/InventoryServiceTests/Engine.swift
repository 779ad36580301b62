import TestKit

/// The engines that the store's tests run against.
typealias Engine = StoreEngine
