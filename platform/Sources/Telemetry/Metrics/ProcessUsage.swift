#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// What the kernel says about this process. Linux only: elsewhere there is no `/proc`, and nothing is shown.
struct ProcessUsage: Equatable {
    var residentBytes: Double
    var cpuSeconds: Double
    /// Since the boot of the machine.
    var startSeconds: Double

    /// Reads `/proc/self/stat`'s line. Its second field is the program's name, which may hold spaces and parentheses: fields are counted
    /// from the last parenthesis on.
    init?(stat: String, pageBytes: Double, ticksPerSecond: Double) {
        guard let end = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        // The third field of proc_pid_stat(5) is the first here: utime 14, stime 15, starttime 22, rss 24.
        guard fields.count > 21, let user = Double(fields[11]), let system = Double(fields[12]), let start = Double(fields[19]),
            let pages = Double(fields[21])
        else { return nil }
        residentBytes = pages * pageBytes
        cpuSeconds = (user + system) / ticksPerSecond
        startSeconds = start / ticksPerSecond
    }

    #if os(Linux)
    static func current() -> ProcessUsage? {
        guard let stat = contents(of: "/proc/self/stat") else { return nil }
        return ProcessUsage(stat: stat, pageBytes: Double(sysconf(Int32(_SC_PAGESIZE))), ticksPerSecond: Double(sysconf(Int32(_SC_CLK_TCK))))
    }

    static func openFiles() -> Double? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        // The directory itself is open while it is read.
        var count = -1
        while let entry = readdir(directory) {
            if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 }
        }
        return Double(count)
    }

    /// Seconds from the Unix epoch to the boot of the machine.
    static func bootTime() -> Double {
        func seconds(_ clock: clockid_t) -> Double {
            var time = timespec()
            clock_gettime(clock, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
        }
        return seconds(CLOCK_REALTIME) - seconds(CLOCK_BOOTTIME)
    }

    /// The file's first 4 KiB, far more than the line has.
    private static func contents(of path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        return withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
            let count = read(file, buffer.baseAddress, buffer.count)
            return count > 0 ? String(decoding: buffer.prefix(count), as: UTF8.self) : nil
        }
    }
    #endif
}

extension MetricsRegistry {
    /// Adds memory, CPU time, open files and start time of this process, read at each scrape. Nothing on systems other than Linux.
    public func observeProcess() {
        #if os(Linux)
        // Once: the difference of two clocks is never quite the same again, and a start time that moves reads as a restart.
        let bootTime = ProcessUsage.bootTime()
        observe([.processResidentMemory, .processCPUTime, .processStartTime, .processOpenFiles]) {
            let usage = ProcessUsage.current()
            return [usage?.residentBytes, usage?.cpuSeconds, usage.map { bootTime + $0.startSeconds }, ProcessUsage.openFiles()]
        }
        #endif
    }
}
