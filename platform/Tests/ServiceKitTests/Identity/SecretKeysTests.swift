import Foundation
import Logging
import ServiceKit
import Synchronization
import TestKit
import Testing

@Suite struct SecretKeysTests {
    private static func withFile<T>(_ body: (SecretKeyFile) async throws -> T) async throws -> T {
        let temporary = try TemporaryFolder()
        defer { temporary.remove() }
        return try await body(SecretKeyFile(path: "\(temporary.path)/keys/secret.key"))
    }

    @Test("a key is made once, for whoever comes, and is nobody else's to read")
    func made() async throws {
        try await Self.withFile { file in
            let keys = try await withThrowingTaskGroup(of: [SecretKeys.Key].self) { group in
                for _ in 0..<8 { group.addTask { try file.keys() } }
                return try await group.reduce(into: Set<[SecretKeys.Key]>()) { $0.insert($1) }
            }
            #expect(keys.count == 1 && keys.first?.count == 1 && keys.first?.first?.bytes.count == SecretKeyFile.shortestKey)
            let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            #expect(try FileManager.default.contentsOfDirectory(atPath: String(file.path.dropLast("/secret.key".count))) == ["secret.key"])
        }
    }

    @Test("a key is changed in three steps, and at each of them the signatures of before still count")
    func rotation() async throws {
        try await Self.withFile { file in
            let old = try file.keys()[0]
            let next = try file.publishNext()
            #expect(try file.keys().map(\.id) == [old.id, next])
            // Taken again, a step is the step that was taken.
            #expect(try file.publishNext() == next)
            #expect(throws: ConfigurationError.self) { try file.retireOthers() }
            try file.signWithNext()
            #expect(try file.keys().map(\.id) == [next, old.id])
            #expect(throws: ConfigurationError.self) { try file.signWithNext() }
            #expect(try file.retireOthers() == [old.id])
            #expect(try file.keys().map(\.id) == [next])
            #expect(try file.retireOthers() == [])
            for _ in 0..<3 {
                try file.publishNext()
                try file.signWithNext()
            }
            #expect(throws: ConfigurationError.self) { try file.publishNext() }
        }
    }

    @Test("a running process sees a changed file within a second, and keeps what it had where the file is damaged")
    func refreshed() async throws {
        try await Self.withFile { file in
            let time = Mutex(ContinuousClock.now)
            let keys = try SecretKeys(file: file, logger: Logger(label: "test")) { time.withLock { $0 } }
            let old = keys.signing
            let next = try file.publishNext()
            try file.signWithNext()
            await keys.refresh()
            #expect(keys.signing == old, "looked at less than a second ago")
            time.withLock { $0 += .seconds(1) }
            await keys.refresh()
            #expect(keys.signing.id == next && keys.accepted.map(\.id) == [next, old.id])
            try Data("nonsense".utf8).write(to: URL(filePath: file.path))
            time.withLock { $0 += .seconds(2) }
            await keys.refresh()
            #expect(keys.signing.id == next)
        }
    }

    @Test("what is no key is refused, and an id says nothing about its key but which it is")
    func parsing() throws {
        let (first, second) = (String(repeating: "0f", count: 32), String(repeating: "A0", count: 40))
        #expect(SecretKeyFile.parse("\(first)\n\(second)\n")?.map(\.bytes.count) == [32, 40])
        #expect(SecretKeyFile.parse("\(first), \(second)")?.count == 2)
        let five = (0..<5).map { String(repeating: "0\($0)", count: 32) }.joined(separator: ",")
        for bad in ["", "\n", "0f", String(repeating: "0", count: 65), String(repeating: "g", count: 64), "\(first),\(first)", five, "\(first),0f"] {
            #expect(SecretKeyFile.parse(bad) == nil, "\(bad.prefix(10))")
        }
        let ids = [first, second].map { SecretKeyFile.parse($0)![0].id }
        #expect(Set(ids).count == 2 && ids.allSatisfy { $0.count == 8 && !first.contains($0) })
    }
}
