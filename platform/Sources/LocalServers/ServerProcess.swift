internal import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A server that cannot outlive this process, however that ends.
///
/// Between the two stands a shell. It holds the reading end of a pipe of which only this process holds the writing end: at the end of
/// this process, also by SIGKILL, the kernel closes that one, and the shell stops the server. A server knows nothing of such a pipe,
/// Linux' parent-death signal does not survive a change of user, and macOS has none.
final class ServerProcess: Sendable {
    private struct State {
        /// The writing end of the pipe; nil when the server has ended.
        var lifeline: Int32?
        var code: Program.ExitCode?
        var waiters: [CheckedContinuation<Program.ExitCode, Never>] = []
    }

    private let state: Mutex<State>

    /// What is to happen when this process is gone.
    struct Farewell: Sendable {
        /// The name of the signal that asks the server to stop, without "SIG".
        var signal: String
        /// Seconds it may take before it is killed.
        var patience: Int
        /// A folder that is removed then.
        var removes: String?
        /// A file whose first line is the server's process number, for commands that start the server as a child of their own.
        var processFile: String
    }

    // $1 signal, $2 seconds, $3 the folder to remove or nothing, $4 the file with the process number, $5… the server.
    private static let shell = #"""
        signal=$1 patience=$2 folder=$3 file=$4
        shift 4
        "$@" 3<&- &
        server=$!
        (
            read -r _ <&3
            trap '' TERM INT HUP
            stop() {
                pid=$server
                [ ! -r "$file" ] || read -r pid <"$file"
                kill -s "$1" "$server" "$pid"
            }
            stop "$signal"
            rounds=$((patience * 10))
            while kill -0 "$server" && [ "$rounds" -gt 0 ]; do
                sleep 0.1
                rounds=$((rounds - 1))
            done
            ! kill -0 "$server" || stop KILL
            [ -z "$folder" ] || rm -rf -- "$folder"
        ) >/dev/null 2>&1 &
        watcher=$!
        exec 3<&-
        wait "$server"
        code=$?
        kill "$watcher" 2>/dev/null
        exit "$code"
        """#

    /// - Parameter log: where both its outputs go; remains the caller's.
    init(_ program: Program, log: Int32, farewell: Farewell) throws(LocalServerError) {
        let pipe = try System.pipe()
        defer { close(pipe.read) }
        let farewells = [farewell.signal, String(farewell.patience), farewell.removes ?? "", farewell.processFile]
        let shell = Program(words: ["/bin/sh", "-c", Self.shell, "sh"] + farewells + program.words, environment: program.environment)
        let pid: pid_t
        do throws(LocalServerError) {
            pid = try shell.spawn(descriptors: [1: log, 2: log, 3: pipe.read])
        } catch {
            close(pipe.write)
            throw error
        }
        state = Mutex(State(lifeline: pipe.write))
        Program.onEnd(of: pid) { self.ended($0) }
    }

    private func ended(_ code: Program.ExitCode) {
        let (lifeline, waiters) = state.withLock { state in
            defer { (state.lifeline, state.waiters, state.code) = (nil, [], code) }
            return (state.lifeline, state.waiters)
        }
        if let lifeline { close(lifeline) }
        for waiter in waiters { waiter.resume(returning: code) }
    }

    /// Nil while it runs.
    var exitCode: Program.ExitCode? { state.withLock { $0.code } }

    /// Returns when it has ended, how it did.
    @discardableResult
    func untilEnded() async -> Program.ExitCode {
        await withCheckedContinuation { continuation in
            let code = state.withLock { state in
                if state.code == nil { state.waiters.append(continuation) }
                return state.code
            }
            if let code { continuation.resume(returning: code) }
        }
    }

    /// As if this process were gone: it is asked to stop, killed if it does not, and its folder removed if it is a temporary one.
    func abandon() {
        let lifeline = state.withLock { state in
            defer { state.lifeline = nil }
            return state.lifeline
        }
        if let lifeline { close(lifeline) }
    }
}
