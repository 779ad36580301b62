import Basics
import Database
import LocalServers

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Measures the inventory service on PostgreSQL against `pgbench` on the same server, in rounds that alternate: see the folder's README.
@main
struct InventoryBench {
    static func main() async {
        signal(SIGPIPE, SIG_IGN)
        do {
            try await run(Plan(CommandLine.arguments.dropFirst()))
        } catch {
            say("bench: \(error)")
            exit(1)
        }
    }

    private static func run(_ plan: Plan) async throws {
        let folder = try makeFolder()
        defer { remove(folder) }
        let warehouse = try await Warehouse(connections: plan.connections)
        do {
            try await measure(plan, warehouse, folder)
            await warehouse.remove()
        } catch {
            await warehouse.remove()
            throw error
        }
    }

    private static func measure(_ plan: Plan, _ warehouse: Warehouse, _ folder: String) async throws {
        let service = try await RunningService(
            "service", program: plan.service, warehouse, folder: folder,
            settings: ["DATABASE_POOL_SIZE": "\(plan.connections)"].merging(plan.settings) { $1 })
        let peers = [16, plan.connections].map { PgBench(warehouse: warehouse, clients: $0, folder: folder) }
        let contenders: [any Contender] =
            peers
            + [64, 256].map { Engine(warehouse, callers: $0, batchSize: plan.batchSize) }
            + [64, 256].map { Service(running: service, connections: $0) }
            + (plan.comparesAlone ? [Engine(warehouse, callers: 64, batchSize: 1)] : [])
        say(
            "PostgreSQL \(warehouse.server.binaries.version), fsync and synchronous_commit on, \(plan.connections) connections, batches of \(plan.batchSize);"
        )
        say("medians of \(plan.rounds) alternating rounds of \(plan.seconds) s; 1.00 is the better pgbench of the two")
        for workload in plan.workloads {
            var runs: [[Measurement]] = Array(repeating: [], count: contenders.count)
            for round in 0...plan.rounds {
                for (index, contender) in contenders.enumerated() {
                    try await warehouse.settle()
                    // The first round is to get warm.
                    let run = try await contender.run(workload, seconds: round == 0 ? 1 : plan.seconds)
                    if round > 0 { runs[index].append(run) }
                }
            }
            report(workload, contenders.map(\.name), runs, peers: peers.count)
        }
        try await service.stop()
        say("\n\(try await warehouse.check()) reservations were made, and the books balance")
    }

    private static func report(_ workload: Workload, _ names: [String], _ runs: [[Measurement]], peers: Int) {
        let middles = runs.map(Measurement.middle)
        let peer = middles[..<peers].map(\.rate).max() ?? 1
        say("\n\(workload)")
        for ((name, middle), runs) in zip(zip(names, middles), runs) {
            let spread = ((runs.map(\.rate).max() ?? 0) - (runs.map(\.rate).min() ?? 0)) / middle.rate
            say(
                "  \(padded(name, 36)) \(padded(fixed(middle.rate / peer, 2), -6)) \(padded("\(Int(middle.rate))/s", -10))"
                    + "  p50 \(padded(fixed(middle.median, 2), -7)) ms  p99 \(padded(middle.p99.map { fixed($0, 2) } ?? "-", -7)) ms  spread \(Int(spread * 100)) %"
            )
        }
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        let space = String(repeating: " ", count: max(0, abs(width) - text.count))
        return width < 0 ? space + text : text + space
    }

    private static func fixed(_ value: Double, _ digits: Int) -> String {
        let scale = (0..<digits).reduce(1) { result, _ in result * 10 }
        let scaled = Int((value * Double(scale)).rounded())
        return "\(scaled / scale).\(padded("\(scaled % scale)", -digits).map { $0 == " " ? "0" : String($0) }.joined())"
    }

    // MARK: Files

    private static func makeFolder() throws -> String {
        var template = Array("\(getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp")/inventory-bench.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw BenchError("no temporary folder") }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func remove(_ folder: String) {
        for name in ["keys/users.pem", "keys/services.pem", "keys", "service.log", "pgbench.log"] + Workload.allCases.map({ "\($0).sql" }) {
            _ = removeFile("\(folder)/\(name)")
        }
        _ = removeFile(folder)
    }
}

/// Prints a line at once, also where the output is a pipe.
func say(_ line: String) {
    print(line)
    fflush(nil)
}

// Named apart from the function above, which would hide it.
private func removeFile(_ path: String) -> Int32 { remove(path) }

func write(_ text: String, to path: String) throws {
    guard let file = fopen(path, "w") else { throw BenchError("\(path) cannot be written") }
    defer { fclose(file) }
    guard fputs(text, file) >= 0 else { throw BenchError("\(path) cannot be written") }
}

/// How to measure.
struct Plan {
    static let usage = """
        usage: InventoryBench [--service PATH] [--rounds N] [--seconds N] [--connections N] [--batch N] [--only read,reserve,hot] [--alone] [--set NAME=VALUE]
          --service      the service's program; by default beside this one
          --rounds       measured rounds (3)
          --seconds      of each run (4)
          --connections  to PostgreSQL, of the service and of the engine; also pgbench's second number of clients (8)
          --batch        calls that one commit serves at most (64)
          --alone        compare with the engine that commits each call by itself
          --set          a setting of the service
        """

    var service: String
    var rounds = 3
    var seconds = 4
    var connections = 8
    var batchSize = 64
    var workloads = Workload.allCases
    var comparesAlone = false
    var settings: [String: String] = [:]

    init(_ arguments: some Sequence<String>) throws {
        let own = CommandLine.arguments[0]
        service = (own.lastIndex(of: "/").map { String(own[...$0]) } ?? "./") + "inventory-service"
        var words = arguments.makeIterator()
        while let word = words.next() {
            if word == "--alone" {
                comparesAlone = true
                continue
            }
            guard let value = words.next() else { throw BenchError(Self.usage) }
            switch (word, Int(value)) {
            case ("--service", _): service = value
            case ("--rounds", let number?) where number > 0: rounds = number
            case ("--seconds", let number?) where number > 0: seconds = number
            case ("--connections", let number?) where number > 0: connections = number
            case ("--batch", let number?) where number > 0: batchSize = number
            case ("--only", _): workloads = Workload.allCases.filter { value.split(separator: ",").contains(Substring($0.rawValue)) }
            case ("--set", _):
                let parts = value.split(separator: "=", maxSplits: 1).map(String.init)
                guard parts.count == 2 else { throw BenchError(Self.usage) }
                settings[parts[0]] = parts[1]
            default: throw BenchError(Self.usage)
            }
        }
        settings["RESERVATION_BATCH_SIZE"] = settings["RESERVATION_BATCH_SIZE"] ?? "\(batchSize)"
    }
}
