// Values in memory, and in Redis where REDIS_URL names one.

import Caching
import NIOCore
import Redis
// snippet.hide
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

let rows = Mutex(["Bern": (version: Int64(1), text: "sun")])
func read(_ city: String) -> (version: Int64, text: String)? { rows.withLock { $0[city] } }
func change(_ city: String, to text: String) -> Int64 {
    rows.withLock { rows in
        let version = (rows[city]?.version ?? 0) + 1
        rows[city] = (version, text)
        return version
    }
}
// snippet.show

// Two tiers with a server that processes share; this process' memory alone without one.
let redis = try getenv("REDIS_URL").map { RedisClient(try RedisOptions(url: String(cString: $0))) }
let forecasts = Cache(
    name: "forecasts", capacity: 16 << 20, codec: .bytes, remote: redis.map { RemoteCache($0, name: "forecasts") })
// Hears what other processes change.
forecasts.listen()

// However many ask at the same time, one of them reads the row. Its version keeps an old one from taking a new one's place.
func forecast(for city: String) async throws -> String? {
    try await forecasts.value(for: city) {
        print("reading \(city)")
        let row = read(city)
        return Loaded(row.map { ByteBuffer(string: $0.text) }, version: row?.version ?? 0)
    }.map { String(buffer: $0) }
}

print(try await forecast(for: "Bern") ?? "none")
print(try await forecast(for: "Bern") ?? "none")

// After the commit of a change, with the version that it made.
let version = change("Bern", to: "rain")
await forecasts.invalidate("Bern", version: version)
print(try await forecast(for: "Bern") ?? "none")

await forecasts.shutdown()
await redis?.shutdown()
