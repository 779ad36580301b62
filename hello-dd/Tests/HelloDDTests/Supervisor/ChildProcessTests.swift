import Foundation
import Processes
import Synchronization
import Testing

@testable import HelloDD

/// With real processes: /bin/sh.
struct ChildProcessTests {
    private final class Collected: Sendable {
        private let bytes = Mutex<[UInt8]>([])
        func append(_ more: ArraySlice<UInt8>) { bytes.withLock { $0 += more } }
        var text: String { bytes.withLock { String(decoding: $0, as: UTF8.self) } }
    }

    /// Runs a script to its end.
    private func run(
        _ script: String, environment: [String: String] = ["PATH": "/usr/bin:/bin"], lifeline: Lifeline? = nil,
        whileRunning: @escaping @Sendable (ChildProcess) -> Void = { _ in }
    ) async throws -> (output: String, exit: Exit) {
        let collected = Collected()
        let (ends, continuation) = AsyncStream.makeStream(of: Void.self)
        let child = try ChildProcess.spawn(
            "/bin/sh", arguments: ["-c", script], environment: environment, lifeline: lifeline, onOutput: { collected.append($0) },
            onExit: { continuation.finish() })
        whileRunning(child)
        for await _ in ends {}
        return (collected.text, child.reap())
    }

    @Test("both outputs come in the order they were written, and the exit code after them")
    func output() async throws {
        let (output, exit) = try await run("echo one; echo two >&2; echo three; exit 7")
        #expect(output == "one\ntwo\nthree\n")
        #expect(exit == .code(7))
    }

    @Test("the environment is the one given, and nothing else")
    func environment() async throws {
        let (output, _) = try await run("echo $A-$HOME", environment: ["A": "x y"])
        #expect(output == "x y-\n")
    }

    @Test("a child has a process group of its own, an empty input, and default signals")
    func isolation() async throws {
        signal(SIGPIPE, SIG_IGN)
        let (output, exit) = try await run("[ $(cut -d' ' -f5 /proc/$$/stat) = $$ ] && echo leader; cat; kill -PIPE $$; echo ignored")
        #expect(output == "leader\n")
        #expect(exit == .signal(SIGPIPE))
    }

    @Test("a child inherits the lifeline as descriptor 3, and not the descriptors this process uses for it and for others")
    func descriptors() async throws {
        let lifeline = try Lifeline()
        let other = try #require(makePipe())
        let (output, _) = try await run("for f in /proc/$$/fd/*; do echo ${f##*/} $(readlink $f); done", lifeline: lifeline)
        let lines = output.split(separator: "\n").map { $0.split(separator: " ") }
        #expect(lines.contains { $0.first == "3" && $0.last == Self.target(of: lifeline.readEnd)[...] })
        #expect(lines.count { $0.last == Self.target(of: lifeline.readEnd)[...] } == 1)
        #expect(!lines.contains { $0.last == Self.target(of: other.read)[...] })
    }

    /// What a descriptor of this process refers to, such as `pipe:[123]`; both ends of a pipe are the same.
    private static func target(of descriptor: Int32) -> String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(descriptor)")) ?? "?"
    }

    @Test("the lifeline gives nothing while its holder lives")
    func lifeline() async throws {
        let line = try Lifeline()
        let (output, _) = try await run("read -t 1 x <&3 2>/dev/null || timeout 0.2 cat <&3; echo $?", lifeline: line)
        #expect(output == "124\n")
    }

    @Test("what a child leaves running does not hide its end, and goes with it")
    func leftover() async throws {
        let (output, exit) = try await run("sleep 600 & echo $!; exit 3")
        #expect(exit == .code(3))
        let pid = try #require(Int32(output.trimmingCharacters(in: .whitespacesAndNewlines)))
        let identity = ProcessIdentity(of: pid)
        // Killed with the group; its entry may stand until it is reaped.
        for _ in 0..<100 where identity?.isAlive == true { try await Task.sleep(for: .milliseconds(10)) }
        #expect(identity?.isAlive != true)
    }

    @Test("a terminated child says by which signal")
    func terminate() async throws {
        let (_, exit) = try await run("sleep 600") { $0.terminate() }
        #expect(exit == .signal(SIGTERM))
    }

    @Test("a program that is not there is a failure with a reason")
    func missing() {
        let failure = #expect(throws: CommandFailure.self) {
            _ = try ChildProcess.spawn("/nowhere/at-all", environment: [:], lifeline: nil, onOutput: { _ in }, onExit: {})
        }
        #expect(failure?.description == "/nowhere/at-all: No such file or directory")
    }
}
