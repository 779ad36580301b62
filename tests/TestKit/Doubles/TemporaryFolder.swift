import Basics
import FoundationEssentials

/// A folder of a test's own.
public struct TemporaryFolder: Sendable {
    public let path: String

    public init(_ name: String = "hello-dd-test") throws {
        path = "\(FileManager.default.temporaryDirectory.path)/\(name)-\(Sources.system.makeID())"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    public func remove() { try? FileManager.default.removeItem(atPath: path) }
}

/// Runs `body` with a folder that is gone afterwards.
public func withTemporaryFolder<T>(_ body: (String) async throws -> T) async throws -> T {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    return try await body(folder.path)
}
