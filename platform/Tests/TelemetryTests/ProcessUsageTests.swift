import Testing

@testable import Telemetry

@Suite struct ProcessUsageTests {
    @Test("the kernel's line is read, whatever the program is called")
    func parsing() throws {
        let line =
            "4711 (odd ) name) S 1 4711 4711 0 -1 4194560 1000 0 3 0 250 50 0 0 20 0 4 0 123456 100000000 2048 18446744073709551615 1 1 0 0 0"
        let usage = try #require(ProcessUsage(stat: line, pageBytes: 4096, ticksPerSecond: 100))
        #expect(usage.cpuSeconds == 3)
        #expect(usage.startSeconds == 1234.56)
        #expect(usage.residentBytes == 2048 * 4096)
        #expect(ProcessUsage(stat: "4711 (short) S 1 2 3", pageBytes: 4096, ticksPerSecond: 100) == nil)
        #expect(ProcessUsage(stat: "", pageBytes: 4096, ticksPerSecond: 100) == nil)
    }

    #if os(Linux)
    @Test("this process has memory, open files, CPU time, and a start time that stays")
    func thisProcess() throws {
        let registry = MetricsRegistry(definitions: [])
        registry.observeProcess()
        func value(_ name: String) throws -> Double {
            let line = try #require(registry.renderPrometheus().split(separator: "\n").first { $0.hasPrefix("\(name) ") })
            return try #require(Double(line.dropFirst(name.count + 1)))
        }
        #expect(try value("process_resident_memory_bytes") > 1_000_000)
        #expect(try value("process_open_fds") >= 3)
        #expect(try value("process_cpu_seconds_total") >= 0)
        let start = try value("process_start_time_seconds")
        #expect(start > 1_700_000_000)
        #expect(try value("process_start_time_seconds") == start)
    }
    #endif
}
