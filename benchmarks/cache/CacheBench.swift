import Basics
import Caching
import LocalServers
import NIOCore
import Redis

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// `make bench BENCH=cache`: what the cache keeps, and how fast it gives it out, against `redis-benchmark` on the same server: see the
/// folder's README.
@main
struct CacheBench {
    static func main() async {
        signal(SIGPIPE, SIG_IGN)
        do {
            try await run(rounds: argument("--rounds") ?? 5, seconds: argument("--seconds") ?? 3)
        } catch {
            say("bench: \(error)")
            exit(1)
        }
    }

    private static func argument(_ name: String) -> Int? {
        let words = CommandLine.arguments
        guard let index = words.firstIndex(of: name), words.indices.contains(index + 1), let number = Int(words[index + 1]), number > 0 else {
            return nil
        }
        return number
    }

    private static func run(rounds: Int, seconds: Int) async throws {
        hitRatios()
        try await throughput(rounds: rounds, seconds: seconds)
    }

    // MARK: What it keeps

    private static func hitRatios() {
        say("hit ratio: 1,000,000 requests for 100,000 keys by Zipf's law (exponent 0.9), and scans over keys that are asked for once\n")
        say("  scans  room for   W-TinyLFU   plain LRU   the most popular, always   against LRU")
        for scans in [0.0, 0.1, 0.3] {
            let trace = Trace(requests: 1_000_000, keys: 100_000, exponent: 0.9, scans: scans, seed: 20_260_101)
            for entries in [1000, 10_000] {
                let (ours, lru) = (trace.hitRatio(entries: entries, admission: true), trace.hitRatio(entries: entries, admission: false))
                say(
                    "  \(padded("\(Int(scans * 100)) %", -5))  \(padded("\(entries)", -8))  \(padded(percent(ours), -10))  \(padded(percent(lru), -10))"
                        + "  \(padded(percent(trace.best(entries: entries)), -25))  \(padded(fixed(ours / lru, 2), -12))")
            }
        }
    }

    // MARK: How fast it gives it out

    private static func throughput(rounds: Int, seconds: Int) async throws {
        let (keys, bytes, clients) = (10_000, 300, 50)
        let folder = try makeFolder()
        defer { remove(folder) }
        let server = try await LocalRedis.start()
        do {
            var options = try RedisOptions(url: server.url)
            (options.commandTimeout, options.silence) = (.seconds(10), .seconds(20))
            let client = RedisClient(options)
            let peer = RedisBenchmark(server: server, clients: clients, keys: keys, bytes: bytes, folder: folder)
            try await peer.fill()
            let contenders: [any Contender] = [
                peer, raw(client, keys, clients), try await remote(client, keys, bytes, clients), try await memory(keys, bytes, clients),
            ]
            say(
                "\nthroughput: \(clients) callers, values of \(bytes) bytes, \(keys) keys; medians of \(rounds) alternating rounds of \(seconds) s; 1.00 is redis-benchmark\n"
            )
            var runs: [[Double]] = Array(repeating: [], count: contenders.count)
            for round in 0...rounds {
                for (index, contender) in contenders.enumerated() {
                    // The first round is to get warm.
                    let rate = try await contender.run(seconds: round == 0 ? 1 : seconds)
                    if round > 0 { runs[index].append(rate) }
                }
            }
            report(contenders.map(\.name), runs)
            await client.shutdown()
            await server.stop()
        } catch {
            await server.stop()
            throw error
        }
    }

    /// The client alone: what the cache adds is the next one's.
    private static func raw(_ client: RedisClient, _ keys: Int, _ callers: Int) -> Callers {
        Callers(name: "RedisClient, GET", count: callers, keys: keys) { key in
            let digits = String(key)
            let reply = try await client.send(RedisCommand("GET", .text("key:" + String(repeating: "0", count: 12 - digits.count) + digits)))
            guard reply.bytes != nil else { throw BenchError("a key is missing") }
        }
    }

    /// No value fits into memory, so each is the server's.
    private static func remote(_ client: RedisClient, _ keys: Int, _ bytes: Int, _ callers: Int) async throws -> Callers {
        var policy = CachePolicy()
        (policy.lifetime, policy.jitter, policy.remoteTimeout) = (.seconds(3600), 0, .seconds(10))
        let value = ByteBuffer(bytes: [UInt8](repeating: UInt8(ascii: "x"), count: bytes))
        let cache = Cache(name: "bench", policy: policy, capacity: 1, codec: .bytes, remote: RemoteCache(client, name: "bench"))
        for key in 0..<keys { _ = try await cache.value(for: String(key)) { Loaded(value, version: 1) } }
        return Callers(name: "cache, from Redis (L2)", count: callers, keys: keys) { key in
            let found = try await cache.value(for: String(key)) { throw BenchError("a value was evicted from Redis") }
            guard found?.readableBytes == bytes else { throw BenchError("a value is not what was put there") }
        }
    }

    private static func memory(_ keys: Int, _ bytes: Int, _ callers: Int) async throws -> Callers {
        var policy = CachePolicy()
        (policy.lifetime, policy.jitter) = (.seconds(3600), 0)
        let value = ByteBuffer(bytes: [UInt8](repeating: UInt8(ascii: "x"), count: bytes))
        let cache = Cache(name: "bench", policy: policy, capacity: 64 << 20, codec: .bytes)
        for key in 0..<keys { _ = try await cache.value(for: String(key)) { Loaded(value, version: 1) } }
        return Callers(name: "cache, from memory (L1)", count: callers, keys: keys) { key in
            let found = try await cache.value(for: String(key)) { throw BenchError("a value was evicted from memory") }
            guard found?.readableBytes == bytes else { throw BenchError("a value is not what was put there") }
        }
    }

    private static func report(_ names: [String], _ runs: [[Double]]) {
        let middles = runs.map { $0.sorted()[$0.count / 2] }
        for ((name, middle), runs) in zip(zip(names, middles), runs) {
            let spread = ((runs.max() ?? 0) - (runs.min() ?? 0)) / middle
            say(
                "  \(padded(name, 30)) \(padded(fixed(middle / middles[0], 2), -7)) \(padded("\(Int(middle))/s", -12))  spread \(Int(spread * 100)) %"
            )
        }
    }

    // MARK: Text

    private static func percent(_ share: Double) -> String { "\(fixed(share * 100, 1)) %" }

    private static func padded(_ text: String, _ width: Int) -> String {
        let space = String(repeating: " ", count: max(0, abs(width) - text.count))
        return width < 0 ? space + text : text + space
    }

    private static func fixed(_ value: Double, _ digits: Int) -> String {
        let scale = digits == 1 ? 10 : 100
        let scaled = Int((value * Double(scale)).rounded())
        let rest = String(scaled % scale)
        return "\(scaled / scale).\(String(repeating: "0", count: digits - rest.count))\(rest)"
    }

    private static func makeFolder() throws -> String {
        var template = Array("\(environment("TMPDIR") ?? "/tmp")/cache-bench.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw BenchError("no temporary folder") }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func remove(_ folder: String) {
        unlink("\(folder)/redis-benchmark.csv")
        rmdir(folder)
    }
}

/// Prints a line at once, also where the output is a pipe.
func say(_ line: String) {
    print(line)
    fflush(nil)
}
