#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A process that cannot be mistaken for a later one with the same number: on Linux by its start time, in clock ticks since boot.
/// Elsewhere the time is not read, and the number alone must do.
struct ProcessIdentity: Codable, Hashable, Sendable {
    var pid: Int32
    var startTicks: UInt64?

    /// The process that has this number now; nil if none has (a zombie counts as none).
    init?(of pid: Int32) {
        #if os(Linux)
        guard let stat = Files.read("/proc/\(pid)/stat", limit: 4096), let parsed = Self.parse(stat: stat), !parsed.isZombie else { return nil }
        self.pid = pid
        startTicks = parsed.startTicks
        #else
        guard pid > 0, kill(pid, 0) == 0 || errno == EPERM else { return nil }
        self.pid = pid
        #endif
    }

    init(pid: Int32, startTicks: UInt64?) {
        self.pid = pid
        self.startTicks = startTicks
    }

    var isAlive: Bool {
        guard let now = ProcessIdentity(of: pid) else { return false }
        guard let startTicks, let ticks = now.startTicks else { return true }
        return startTicks == ticks
    }

    /// Sends a signal, unless the process is gone.
    func send(_ signal: Int32) {
        if isAlive { _ = kill(pid, signal) }
    }

    /// Memory it holds (RSS), in bytes; nil where the system does not tell.
    var residentBytes: Int64? {
        guard let text = Files.read("/proc/\(pid)/statm", limit: 4096) else { return nil }
        return Self.residentPages(statm: text).map { $0 * Int64(sysconf(Int32(_SC_PAGESIZE))) }
    }

    /// Its short name, such as `python3`.
    static func name(of pid: Int32) -> String? {
        Files.read("/proc/\(pid)/comm", limit: 256).map { String($0.prefix { $0 != "\n" }) }
    }

    /// Reads the state (field 3) and the start time (field 22) of `/proc/PID/stat`. The name, field 2, may hold spaces and
    /// parentheses, so fields are counted from the last parenthesis.
    static func parse(stat: String) -> (isZombie: Bool, startTicks: UInt64)? {
        guard let end = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        guard fields.count > 19, let ticks = UInt64(fields[19]) else { return nil }
        return (fields[0] == "Z" || fields[0] == "X", ticks)
    }

    static func residentPages(statm: String) -> Int64? {
        let fields = statm.split(separator: " ")
        return fields.count > 1 ? Int64(fields[1]) : nil
    }
}
