#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// How a process ended.
enum Exit: Hashable, Sendable {
    case code(Int32)
    case signal(Int32)

    /// From the status that `waitpid(2)` fills in. (The macros that read it are not importable.)
    init(waitStatus status: Int32) {
        let signal = status & 0x7F
        self = signal == 0 ? .code(status >> 8 & 0xFF) : .signal(signal)
    }

    /// `sysexits.h`: the configuration is wrong. Starting the same thing again cannot help.
    static let badConfiguration = Exit.code(78)
    /// `sysexits.h`: something it needs is not to be had, such as its port.
    static let unavailable = Exit.code(69)
}

extension Exit: CustomStringConvertible {
    var description: String {
        switch self {
        case .badConfiguration: "exit code 78, bad configuration"
        case .unavailable: "exit code 69, something it needs is unavailable"
        case .code(let code): "exit code \(code)"
        case .signal(let number): "signal \(number), \(strsignal(number).map { String(cString: $0).lowercased() } ?? "unknown")"
        }
    }
}
