import Processes
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

struct SpawnTests {
    /// Runs a shell script to its end, and gives what it wrote to descriptors 1 and 3.
    private func run(_ script: String, environment: [String: String] = [:]) async throws -> (code: Int32, output: String, third: String) {
        let output = try #require(makePipe())
        let third = try #require(makePipe())
        let pid = try spawn("/bin/sh", ["-c", script], environment: environment, descriptors: [1: output.write, 3: third.write])
        close(output.write)
        close(third.write)
        return await withCheckedContinuation { continuation in
            detachThread {
                // Both are far shorter than what a pipe holds.
                let texts = [output.read, third.read].map(readAll)
                continuation.resume(returning: (waitForEnd(of: pid), texts[0], texts[1]))
            }
        }
    }

    @Test("a program has the descriptors and the environment that it was given, and no other")
    func descriptors() async throws {
        let held = try #require(makePipe())
        defer { for end in [held.read, held.write] { close(end) } }
        let result = try await run(
            "echo out; echo third >&3; cat; echo $COLOUR $HOME; ls /dev/fd/\(held.read) 2>/dev/null", environment: ["COLOUR": "red"])
        #expect(result.output == "out\nred\n")
        #expect(result.third == "third\n")
    }

    @Test("how it ended is its exit code, or the signal with a minus", arguments: [("exit 7", 7), ("kill -TERM $$", -SIGTERM), ("true", 0)])
    func ends(script: String, code: Int32) async throws {
        #expect(try await run(script).code == code)
    }

    @Test("what is blocked or ignored here does not reach it: it can be told to end")
    func signals() async throws {
        // The threads of the pool, on one of which this runs, take no signals.
        let pid = try spawn("/bin/sh", ["-c", "while :; do sleep 1; done"], environment: [:])
        kill(pid, SIGTERM)
        let code = await withCheckedContinuation { continuation in
            detachThread { continuation.resume(returning: waitForEnd(of: pid)) }
        }
        #expect(code == -SIGTERM)
    }

    @Test("what cannot be started is an error that names it")
    func missing() {
        let error = #expect(throws: SpawnError.self) { try spawn("/nowhere/at-all", environment: [:]) }
        #expect(error?.number == ENOENT)
        #expect(error?.description == "/nowhere/at-all: No such file or directory")
    }
}

private func readAll(_ descriptor: Int32) -> String {
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while case let count = read(descriptor, &chunk, chunk.count), count > 0 { bytes += chunk.prefix(count) }
    return String(decoding: bytes, as: UTF8.self)
}
