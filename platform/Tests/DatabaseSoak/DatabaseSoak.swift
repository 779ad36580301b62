import Database
import LocalServers

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// Many queries on PostgreSQL, a third of them broken off, with connections that are lost now and then: afterwards the process holds as
/// many descriptors as before, and no more memory than a stated bound.
///
///     swift run DatabaseSoak [QUERIES] [SEED]
///
/// A process of its own, because what is counted is the whole process'.
@main struct DatabaseSoak {
    /// KiB that the resident memory may grow by after the warm-up: the allocator's arenas and the caches of the connections still fill.
    /// A leak of one result (a few hundred bytes at least) in each of 100,000 queries would be several times as much.
    private static let bound = 8 * 1024

    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst().map { Int($0) ?? 0 }
        let (queries, seed) = (arguments.first ?? 100_000, arguments.dropFirst().first ?? 1)
        guard queries > 0, Footprint.now() != nil else {
            print("usage: DatabaseSoak [QUERIES] [SEED], on Linux")
            exit(2)
        }
        let server = try await LocalPostgres.start(.init(durable: false))
        let isGood = try await soak(server.adminURL, queries, UInt64(seed))
        await server.stop()
        exit(isGood ? 0 : 1)
    }

    private static func soak(_ url: String, _ queries: Int, _ seed: UInt64) async throws -> Bool {
        var options = PostgresDatabase.Options()
        options.connectTimeout = .seconds(60)
        options.statementCacheCapacity = 100
        let database = try PostgresDatabase(url: url, options: options)
        try await database.execute("CREATE TABLE soak (n bigint PRIMARY KEY, t text)")
        let workload = Workload(database)
        // Until everything that is made once has been made.
        let warmUp = max(2000, queries / 5)
        await workload.run(warmUp, seed: seed)
        try await database.warmUp()
        let before = Footprint.now()!
        print("after \(warmUp) queries to warm up: \(before.descriptors) descriptors, \(before.memory) KiB")
        let rounds = 10
        for round in 1...rounds {
            await workload.run(queries * round / rounds - queries * (round - 1) / rounds, seed: seed &+ UInt64(round) &* 1000)
            // One connection is lost each time.
            _ = try? await database.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            try await database.warmUp()
            let now = Footprint.now()!
            print("  + \(queries * round / rounds) queries: \(now.descriptors) descriptors, \(now.memory) KiB")
        }
        let after = Footprint.now()!
        let tally = workload.soFar
        print("\(tally.answered) answered, \(tally.timedOut) timed out, \(tally.cancelled) cancelled, \(tally.lost) lost with their connection")
        for fault in tally.faults.prefix(10) { print("FAULT: \(fault)") }
        await database.shutdown()
        let closed = Footprint.now()!
        var isGood = tally.faults.isEmpty && tally.timedOut + tally.cancelled > queries / 20
        func check(_ what: String, _ holds: Bool) {
            print("\(holds ? "ok" : "FAILED"): \(what)")
            isGood = isGood && holds
        }
        check("descriptors: \(before.descriptors) before, \(after.descriptors) after", before.descriptors == after.descriptors)
        check("memory grew by \(after.memory - before.memory) KiB, of \(bound) allowed", after.memory - before.memory <= bound)
        // The two of the loop's pipe go with the object, which the compiler may let go of before or after this line.
        let given = after.descriptors - closed.descriptors
        check(
            "a shutdown gives back \(given) descriptors: \(options.connections) connections, and the loop's pipe with the object",
            given == options.connections || given == options.connections + 2)
        return isGood
    }
}
