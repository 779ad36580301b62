#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The processes of this machine.
enum ProcessTable {
    /// The processes that `parent` started and that have not been reaped.
    static func children(of parent: pid_t) -> [pid_t] {
        #if canImport(Darwin)
        var pids = [pid_t](repeating: 0, count: 4096)
        let count = proc_listchildpids(parent, &pids, Int32(pids.count * MemoryLayout<pid_t>.size))
        return Array(pids.prefix(max(0, Int(count))))
        #else
        return System.list("/proc").compactMap { pid_t($0) }.filter { System.read("/proc/\($0)/stat").flatMap { self.parent(stat: $0) } == parent }
        #endif
    }

    /// The name of a process' program; nil if there is no such process. A zombie has none either: it holds nothing any more.
    static func program(of pid: pid_t) -> String? {
        #if canImport(Darwin)
        var name = [CChar](repeating: 0, count: 256)
        guard proc_name(pid, &name, UInt32(name.count)) > 0 else { return nil }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        #else
        guard let stat = System.read("/proc/\(pid)/stat"), state(stat: stat) != "Z" else { return nil }
        return System.read("/proc/\(pid)/comm")?.trimmed
        #endif
    }

    /// The parent's number, field 4 of `/proc/PID/stat`. The name, field 2, may hold spaces and parentheses: counted from the last one.
    static func parent(stat: String) -> pid_t? {
        let fields = fields(stat: stat)
        return fields.count > 1 ? pid_t(fields[1]) : nil
    }

    private static func state(stat: String) -> Substring? { fields(stat: stat).first }

    private static func fields(stat: String) -> [Substring] {
        guard let end = stat.lastIndex(of: ")") else { return [] }
        return stat[stat.index(after: end)...].split(separator: " ")
    }
}
