internal import NIOPosix
internal import Processes

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// `up --detach`: this program once more, in a session of its own, and a pipe on which it reports until the shop is up.
enum Detached {
    /// Where the process in the background finds the writing end of the pipe.
    static let reportDescriptor: Int32 = 3

    /// Starts it, shows what it reports, and returns whether the shop is up.
    static func start(arguments: [String], show: @escaping @Sendable (Report.Message) -> Void) async throws -> Bool {
        guard let pipe = makePipe() else { throw CommandFailure("no pipe: \(SystemCall.reason())") }
        let output = open("/dev/null", O_WRONLY | O_CLOEXEC)
        defer { close(output) }
        do {
            _ = try ChildProcess.spawn(
                Environment.executable, arguments, Environment.all,
                descriptors: [1: output, 2: output, reportDescriptor: pipe.write], name: Environment.command, inOwnGroup: false)
        } catch {
            close(pipe.read)
            close(pipe.write)
            throw error
        }
        close(pipe.write)
        return try await NIOThreadPool.singleton.runIfActive {
            defer { close(pipe.read) }
            var splitter = LineSplitter()
            var buffer = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = SystemCall.read(pipe.read, &buffer, buffer.count)
                guard count > 0 else { return false }
                for line in splitter.append(buffer[..<count]) {
                    guard let message = Report.decode(String(decoding: line, as: UTF8.self)) else { continue }
                    if case .up = message { return true }
                    show(message)
                }
            }
        }
    }

    /// Called in the process in the background: leaves the terminal's session, so that closing it does not end the shop.
    static func leaveSession() { _ = setsid() }

    /// Sends what is printed from now on to `path`, which begins anew.
    static func redirectOutput(to path: String) throws(CommandFailure) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw CommandFailure("cannot write \(path): \(SystemCall.reason())") }
        dup2(descriptor, 1)
        dup2(descriptor, 2)
        close(descriptor)
    }
}
