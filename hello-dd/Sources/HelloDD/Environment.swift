internal import FoundationEssentials

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// What this process was started with.
enum Environment {
    static var all: [String: String] { ProcessInfo.processInfo.environment }

    /// The value of a variable that is set and not empty.
    static func value(_ name: String) -> String? { all[name].flatMap { $0.isEmpty ? nil : $0 } }

    static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 && value("TERM") != "dumb" }

    /// The terminal's width; without one, `COLUMNS`, or 100.
    static var columns: Int {
        var size = winsize()
        if ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
        return value("COLUMNS").flatMap { Int($0) } ?? 100
    }

    /// The path of the running executable, links resolved.
    static var executable: String {
        #if canImport(Darwin)
        var size: UInt32 = 4096
        var buffer = [CChar](repeating: 0, count: Int(size))
        guard _NSGetExecutablePath(&buffer, &size) == 0 else { return CommandLine.arguments[0] }
        let path = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return realPath(path) ?? path
        #else
        return realPath("/proc/self/exe") ?? CommandLine.arguments[0]
        #endif
    }

    /// What the user typed to run this: copyable advice begins with it.
    static var command: String { CommandLine.arguments.first ?? "hello-dd" }

    /// Absolute, links and dots resolved; nil where nothing is.
    static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
