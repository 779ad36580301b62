import Foundation
import Testing

@Suite("git holds sources only")
struct TrackedFileTests {
    @Test("nothing built, resolved, downloaded, secret or local is tracked")
    func tracked() {
        #expect(Repository.trackedFiles.contains("Package.swift"), "git did not answer")
        expectNone(Repository.trackedFiles.filter(Self.isForbidden).map { Violation(path: $0, line: 1, message: "does not belong in git") })
    }

    @Test(
        "a planted file is caught",
        arguments: [
            "Package.resolved", ".build/debug.yaml", "a/.build-x/b", ".hello-dd/inventory.db", ".venv/bin/python", "scripts/__pycache__/a.pyc",
            ".env",
            "keys/signing.pem", "data/shop.sqlite", "data/shop.db-wal", "lib/libx.so", "a.o", ".swiftpm/x", "core.123", ".DS_Store",
        ])
    func planted(path: String) { #expect(Self.isForbidden(path)) }

    @Test(
        "sources are left alone",
        arguments: [".env.example", ".gitignore", ".swift-format", ".ci/run", "Sources/Core/Database.swift", "docs/core.md"])
    func allowed(path: String) { #expect(!Self.isForbidden(path)) }

    @Test("what is run is executable, and a shell script stops at its first error")
    func scripts() throws {
        let scripts = Repository.files.filter { $0.hasSuffix(".sh") || $0 == ".ci/run" }
        #expect(scripts.count >= 4)
        for path in scripts {
            let text = try Repository.text(path)
            #expect(text.hasPrefix("#!/usr/bin/env bash\n"), "\(path)")
            #expect(text.contains("\nset -euo pipefail\n"), "\(path)")
            #expect(FileManager.default.isExecutableFile(atPath: Repository.root.appending(path: path).path()), "\(path) is not executable")
        }
    }

    private static func isForbidden(_ path: String) -> Bool {
        let parts = path.split(separator: "/").map(String.init)
        let folders: Set<String> = [".hello-dd", ".venv", ".swiftpm", "__pycache__", "node_modules", "DerivedData"]
        if parts.dropLast().contains(where: { folders.contains($0) || $0.hasPrefix(".build") }) { return true }
        guard let name = parts.last else { return false }
        let endings = ["o", "so", "a", "dylib", "pyc", "pem", "key", "p12", "db", "db-wal", "db-shm", "sqlite", "sqlite3", "log", "pid"]
        return ["Package.resolved", ".env", ".DS_Store"].contains(name) || endings.contains { name.hasSuffix(".\($0)") }
            || name.wholeMatch(of: /core(\.\d+)?/) != nil
    }
}
