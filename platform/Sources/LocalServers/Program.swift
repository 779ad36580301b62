internal import Processes

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A program and what it is started with: `posix_spawn(3)`.
struct Program: Sendable {
    /// The path of the program, then its arguments.
    var words: [String]
    var environment: [String: String]

    /// How a program ended: its exit code, or minus the number of the signal that ended it.
    typealias ExitCode = Int32

    /// Starts it in a process group of its own, so that Ctrl-C in a terminal does not reach it, with the default signal handlers.
    /// `descriptors`: what stands where in it, by number; 0 reads nothing.
    func spawn(descriptors: [Int32: Int32]) throws(LocalServerError) -> pid_t {
        do throws(SpawnError) {
            return try Processes.spawn(words[0], Array(words.dropFirst()), environment: environment, descriptors: descriptors)
        } catch {
            throw LocalServerError(.failed, "\(error)")
        }
    }

    /// Waits on a thread of its own for a process of `spawn` to end, and reaps it.
    static func onEnd(of pid: pid_t, _ body: @escaping @Sendable (ExitCode) -> Void) {
        detachThread { body(waitForEnd(of: pid)) }
    }

    /// Runs it to its end. Returns what it wrote, at most 64 KiB of both outputs together. It is not cancelled: it is for what ends soon.
    func output() async throws(LocalServerError) -> (code: ExitCode, text: String) {
        let output = try System.pipe()
        let pid: pid_t
        do throws(LocalServerError) {
            pid = try spawn(descriptors: [1: output.write, 2: output.write])
        } catch {
            close(output.read)
            close(output.write)
            throw error
        }
        close(output.write)
        let text = await withCheckedContinuation { continuation in
            detachThread {
                continuation.resume(returning: Self.drain(output.read))
                close(output.read)
            }
        }
        let code = await withCheckedContinuation { continuation in
            Self.onEnd(of: pid) { continuation.resume(returning: $0) }
        }
        return (code, text)
    }

    private static func drain(_ descriptor: Int32) -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk.prefix(min(count, 65_536 - bytes.count))
        }
    }
}
