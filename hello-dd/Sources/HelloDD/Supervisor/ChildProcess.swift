internal import Processes

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A service's process: `posix_spawn(3)`, one pipe for both its outputs, one thread that reads the pipe and waits for the end.
///
/// - It has a process group of its own, so Ctrl-C in the terminal reaches the supervisor only, and a kill reaches what it started.
/// - Descriptor 3 is the reading end of `Lifeline`; nothing else but 0 (nothing to read), 1 and 2 is inherited.
/// - Its signal handlers and mask are the defaults, whatever this process ignores.
struct ChildProcess: Sendable {
    let pid: Int32

    /// - Parameters:
    ///   - onOutput: called on the child's thread with each piece of output as it comes.
    ///   - onExit: called once, on the same thread, after the last output. The process is a zombie until `reap()`: its number
    ///     cannot belong to another process before whoever sends it signals knows that it has ended.
    static func spawn(
        _ executable: String, arguments: [String] = [], environment: [String: String], lifeline: Lifeline?,
        onOutput: @escaping @Sendable (ArraySlice<UInt8>) -> Void, onExit: @escaping @Sendable () -> Void
    ) throws(CommandFailure) -> ChildProcess {
        guard let output = makePipe() else { throw CommandFailure("no pipe for \(executable): \(SystemCall.reason())") }
        defer { close(output.write) }
        var descriptors: [Int32: Int32] = [1: output.write, 2: output.write]
        descriptors[3] = lifeline?.readEnd
        do {
            let pid = try spawn(executable, arguments, environment, descriptors: descriptors)
            detachThread { follow(pid, output.read, onOutput: onOutput, onExit: onExit) }
            return ChildProcess(pid: pid)
        } catch {
            close(output.read)
            throw error
        }
    }

    /// Starts a program. `descriptors`: what stands where in the child, by number; 0 reads nothing.
    /// `name`: what it sees as the name it was called by, if not the path.
    static func spawn(
        _ executable: String, _ arguments: [String], _ environment: [String: String], descriptors: [Int32: Int32], name: String? = nil,
        inOwnGroup: Bool = true
    ) throws(CommandFailure) -> Int32 {
        do throws(SpawnError) {
            return try Processes.spawn(executable, arguments, environment: environment, descriptors: descriptors, name: name, inOwnGroup: inOwnGroup)
        } catch {
            throw CommandFailure("\(error)")
        }
    }

    /// Asks it to stop.
    func terminate() { _ = kill(pid, SIGTERM) }

    /// Ends it and everything it started, now.
    func killGroup() { _ = kill(-pid, SIGKILL) }

    /// Takes the end of a process that has ended, and frees its number. Whatever it left running goes with it.
    func reap() -> Exit {
        killGroup()
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return Exit(waitStatus: status)
    }

    private static func follow(
        _ pid: Int32, _ descriptor: Int32, onOutput: (ArraySlice<UInt8>) -> Void, onExit: () -> Void
    ) {
        var buffer = [UInt8](repeating: 0, count: 65536)
        var isOpen = true
        while isOpen {
            // The pipe usually ends with the process. If something else still holds it, the process' end is noticed here.
            let isReadable = wait(for: descriptor, milliseconds: 200)
            if !isReadable, hasEnded(pid, wait: false) { break }
            guard isReadable else { continue }
            let count = SystemCall.read(descriptor, &buffer, buffer.count)
            if count > 0 { onOutput(buffer[..<count]) } else { isOpen = false }
        }
        close(descriptor)
        _ = hasEnded(pid, wait: true)
        onExit()
    }

    private static func wait(for descriptor: Int32, milliseconds: Int32) -> Bool {
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&request, 1, milliseconds) > 0
    }

    /// Whether it has ended; leaves it to be reaped.
    private static func hasEnded(_ pid: Int32, wait: Bool) -> Bool {
        while true {
            var info = siginfo_t()
            let result = waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT | (wait ? 0 : WNOHANG))
            if result == 0 { return wait || info.si_signo == SIGCHLD }
            if errno != EINTR { return true }
        }
    }
}

/// A pipe of which the children hold the reading end, as descriptor 3, and only this process the writing end. Nothing is ever
/// written: when this process is gone, however it ended, the kernel closes its end and the children read the end of the file.
///
/// Unlike asking for the parent's number now and then, it cannot be too late (a parent that died before the first look) and
/// costs nothing while nothing happens; unlike Linux' parent-death signal, it needs no code between fork and exec.
struct Lifeline: Sendable {
    /// The variable that tells a service which descriptor to watch.
    static let variable = "SUPERVISOR_FD"
    static let childDescriptor = 3

    let readEnd: Int32
    private let writeEnd: Int32

    init() throws(CommandFailure) {
        guard let pipe = makePipe() else { throw CommandFailure("no pipe: \(SystemCall.reason())") }
        readEnd = pipe.read
        writeEnd = pipe.write
    }
}
