import Basics
import Caching
import LocalServers
import NIOCore
import Processes
import Redis
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Somebody who reads values as fast as can be.
protocol Contender: Sendable {
    var name: String { get }
    /// Answers a second.
    func run(seconds: Int) async throws -> Double
}

/// The peer: `redis-benchmark` without pipelining.
struct RedisBenchmark: Contender {
    let server: LocalRedis
    let clients: Int
    let keys: Int
    let bytes: Int
    let folder: String

    var name: String { "redis-benchmark -P 1 -c \(clients)" }

    func fill() async throws { _ = try await run("set", requests: keys * 10) }

    /// It counts requests and not time; so many as take about that time.
    func run(seconds: Int) async throws -> Double {
        let first = try await run("get", requests: 20_000)
        return try await run("get", requests: max(20_000, Int(first) * seconds))
    }

    private var program: String {
        get throws {
            let folders = (environment("PATH") ?? "").split(separator: ":").map { String($0) } + ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"]
            let programs = folders.flatMap { ["\($0)/redis-benchmark", "\($0)/valkey-benchmark"] }
            guard let program = programs.first(where: { access($0, X_OK) == 0 }) else { throw BenchError("redis-benchmark is not installed") }
            return program
        }
    }

    private func run(_ test: String, requests: Int) async throws -> Double {
        let output = "\(folder)/redis-benchmark.csv"
        let file = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw BenchError("\(output) cannot be written") }
        let words = [
            "-h", "127.0.0.1", "-p", "\(server.port)", "-t", test, "-c", "\(clients)", "-P", "1", "-n", "\(requests)", "-r", "\(keys)", "-d",
            "\(bytes)",
            // It knows no other way to be told. The server is this run's own, and ends with it.
            "-a", server.password, "--csv",
        ]
        let pid = try spawn(
            try program, words, environment: ["PATH": environment("PATH") ?? "/usr/bin:/bin"],
            descriptors: [1: file, 2: file], inOwnGroup: false)
        close(file)
        while true {
            var status: Int32 = 0
            if waitpid(pid, &status, WNOHANG) == pid {
                guard status == 0 else { throw BenchError("redis-benchmark failed: \(text(output))") }
                break
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        // "GET","123456.79","0.215",…
        for line in text(output).split(separator: "\n") where line.hasPrefix("\"\(test.uppercased())\"") {
            let fields = line.split(separator: ",").map { $0.filter { $0 != "\"" } }
            if fields.count > 1, let rate = Double(fields[1]) { return rate }
        }
        throw BenchError("redis-benchmark gave no figure: \(text(output))")
    }
}

/// Callers in this process that each wait for their answer before they ask again.
struct Callers: Contender {
    let name: String
    let count: Int
    let keys: Int
    let read: @Sendable (Int) async throws -> Void

    func run(seconds: Int) async throws -> Double {
        let end = ContinuousClock.now + .seconds(seconds)
        let begun = ContinuousClock.now
        let (keys, read) = (keys, read)
        let answers = try await withThrowingTaskGroup(of: Int.self) { group in
            for caller in 0..<count {
                group.addTask {
                    var random = Random(seed: UInt64(caller))
                    var answers = 0
                    while true {
                        // The clock costs more than an answer from memory.
                        for _ in 0..<16 { try await read(Int(random.next() % UInt64(keys))) }
                        answers += 16
                        if ContinuousClock.now >= end { return answers }
                    }
                }
            }
            var sum = 0
            for try await answers in group { sum += answers }
            return sum
        }
        return Double(answers) / (ContinuousClock.now - begun).inSeconds
    }
}

struct BenchError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

func text(_ path: String) -> String {
    guard let file = fopen(path, "r") else { return "" }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
    return String(decoding: bytes, as: UTF8.self)
}
