import Foundation
import TestKit

/// The checkout these tests were compiled from: they read its files, not a built product.
enum Repository {
    static let root: URL = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appending(path: path).path())
    }

    /// Every file git would commit, by its path from the root: the tracked ones, and the new ones it is not told to ignore.
    static let files: [String] = {
        let listed = (try? run("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")) ?? ""
        return listed.split(separator: "\0").map(String.init).filter(exists).sorted()
    }()

    /// Only what git tracks already.
    static let trackedFiles: [String] = ((try? run("git", "ls-files", "-z")) ?? "").split(separator: "\0").map(String.init)

    /// The Swift files under a `Sources` folder: what ends up in a binary.
    static let sources: [SwiftSource] = files.filter { $0.hasSuffix(".swift") && $0.contains("/Sources/") }
        .compactMap { path in (try? text(path)).map { SwiftSource(path: path, text: $0) } }

    static let markdown: [MarkdownPage] = files.filter { $0.hasSuffix(".md") }
        .compactMap { path in (try? text(path)).map { MarkdownPage(path: path, text: $0) } }

    /// What git prints; an error if it cannot be run or fails.
    private static func run(_ command: String...) throws -> String {
        let result = try runCommandBlocking(command[0], ["-C", root.path()] + command.dropFirst())
        guard result.code == 0 else { throw CommandFailed(command: command, status: result.code) }
        return result.output
    }

    private struct CommandFailed: Error {
        let command: [String]
        let status: Int32
    }
}

/// One broken rule, where it is broken.
struct Violation: CustomStringConvertible {
    let path: String
    let line: Int
    let message: String

    var description: String { "\(path):\(line): \(message)" }
}
