internal import Basics
internal import NIOCore
public import Redis
public import Resilience

/// The tier that processes share: values in Redis, written only over older ones.
///
/// Three keys for each key of the cache: the value with its version in front; the lease of whoever loads it; and, after an invalidation, the
/// tombstone with the version that a value must have at least. Each is compared and set in one script, so a slow reader never puts an old
/// value over a new one, also not where the new one was a deletion. That a tombstone was set is what the other processes hear.
///
/// One key more, the epoch, is drawn by whoever finds none: a server that was started anew has lost its tombstones, so what began to load
/// before is not written after. A server whose memory is bounded should evict what was used least (`allkeys-lru`): tombstones are written
/// last and go last.
public struct RemoteCache: Sendable {
    let client: RedisClient
    let prefix: String
    let breaker: CircuitBreaker
    let mutations: CacheMutations

    /// What a breaker of a cache should be like: it opens after few calls, because each costs its caller the tier's time limit, and looks
    /// again soon, because what is lost meanwhile is only speed.
    public static var breakerConfiguration: BreakerConfiguration {
        var configuration = BreakerConfiguration()
        configuration.minimumCalls = 5
        configuration.openTime = .seconds(1)
        configuration.longestOpenTime = .seconds(5)
        return configuration
    }

    /// - Parameters:
    ///   - name: of the cache; part of its keys: letters, digits, `-`, `_`, `.`.
    ///   - breaker: keeps calls from a server that does not answer.
    public init(_ client: RedisClient, name: String, breaker: CircuitBreaker = CircuitBreaker(Self.breakerConfiguration)) {
        self.init(client, name: name, breaker: breaker, mutations: [])
    }

    package init(_ client: RedisClient, name: String, breaker: CircuitBreaker, mutations: CacheMutations) {
        self.client = client
        prefix = "cache:\(name):"
        self.breaker = breaker
        self.mutations = mutations
    }

    /// Keys that begin so are tombstones.
    var tombstones: String { "\(prefix)x:" }

    /// Set when all is invalidated, so that it is heard; no key of the cache is as long as the empty one.
    var everything: String { tombstones }

    private func value(_ key: String) -> RedisCommand.Word { .text("\(prefix)v:\(key)") }
    private func lease(_ key: String) -> RedisCommand.Word { .text("\(prefix)l:\(key)") }
    private func tombstone(_ key: String) -> RedisCommand.Word { .text("\(tombstones)\(key)") }
    private var epoch: RedisCommand.Word { .text("\(prefix)e") }

    // MARK: Scripts

    private static func put(_ mutations: CacheMutations) -> RedisScript {
        RedisScript(
            "cache.put",
            """
            local epoch = redis.call('GET', KEYS[4])
            local tombstone = redis.call('GET', KEYS[2])
            local held = redis.call('GETRANGE', KEYS[1], 0, \(digits - 1))
            local done = 1
            if \(mutations.contains(.tierEpoch) ? "false" : "epoch ~= ARGV[5]") then done = 0 end
            if \(mutations.contains(.tombstone) ? "false" : "tombstone and tombstone > ARGV[1]") then done = 0 end
            if \(mutations.contains(.versionedWrite) ? "false" : "#held == \(digits) and held > ARGV[1]") then done = 0 end
            if done == 1 then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
            if redis.call('GET', KEYS[3]) == ARGV[4] then redis.call('DEL', KEYS[3]) end
            return done
            """)
    }

    private static let put = put([])

    private static let lease = RedisScript(
        "cache.lease",
        """
        local held = redis.call('GET', KEYS[1])
        local epoch = redis.call('GET', KEYS[3])
        if not epoch then
          epoch = ARGV[1]
          redis.call('SET', KEYS[3], epoch)
        end
        local granted = 0
        if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then granted = 1 end
        return {granted, epoch, held}
        """)

    private static let invalidate = RedisScript(
        "cache.invalidate",
        """
        local tombstone = redis.call('GET', KEYS[2])
        if not tombstone or tombstone < ARGV[1] then redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2]) end
        local held = redis.call('GETRANGE', KEYS[1], 0, \(digits - 1))
        if #held == \(digits) and (held < ARGV[1] or ARGV[3] == '1') then redis.call('DEL', KEYS[1]) end
        return 1
        """)

    private static let release = RedisScript(
        "cache.release", "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 1")

    // MARK: Calls

    /// What whoever asked for a lease is told.
    struct Claim<Value: Sendable>: Sendable {
        var isGranted: Bool
        /// To be shown when the value is written.
        var epoch: String
        var held: CacheEntry<Value>?
    }

    func get<Value>(_ key: String, _ codec: CacheCodec<Value>) async throws -> CacheEntry<Value>? {
        let reply = try await guarded { () async throws(RedisError) in try await client.send(RedisCommand("GET", value(key))) }
        return reply.bytes.flatMap { Self.decode($0, codec) }
    }

    /// Many at once, and the epoch to be shown when what is missing is written.
    /// - Parameter token: becomes the epoch, if there is none.
    func get<Value>(
        _ keys: [String], token: String, _ codec: CacheCodec<Value>
    ) async throws -> (entries: [String: CacheEntry<Value>], epoch: String?) {
        let reply = try await guarded { () async throws(RedisError) in
            try await client.send(RedisCommand(["MGET", epoch] + keys.map { value($0) }))
        }
        guard let values = reply.elements, values.count == keys.count + 1 else {
            throw RedisError(.unexpectedReply, "as many values as keys were asked for")
        }
        var entries: [String: CacheEntry<Value>] = [:]
        for (key, reply) in zip(keys, values.dropFirst()) { entries[key] = reply.bytes.flatMap { Self.decode($0, codec) } }
        if let known = values[0].text { return (entries, known) }
        let drawn = try await guarded { () async throws(RedisError) in
            try await client.pipeline([RedisCommand("SET", epoch, .text(token), "NX"), RedisCommand("GET", epoch)])
        }
        return (entries, drawn[1].text)
    }

    /// Asks to be the one who loads `key`.
    func claim<Value>(_ key: String, token: String, for time: Duration, _ codec: CacheCodec<Value>) async throws -> Claim<Value> {
        try await guarded { () async throws(RedisError) in
            let reply = try await client.run(
                Self.lease, keys: [value(key), lease(key), epoch], arguments: [.text(token), .integer(max(1, time.milliseconds))])
            guard let parts = reply.elements, parts.count == 3, let granted = parts[0].integer, let epoch = parts[1].text else {
                throw RedisError(.unexpectedReply, "a lease's answer has three parts")
            }
            return Claim(isGranted: granted == 1, epoch: epoch, held: parts[2].bytes.flatMap { Self.decode($0, codec) })
        }
    }

    /// False: what is there, or was invalidated, is newer, or the tier may have forgotten what was.
    func put<Value>(
        _ entry: CacheEntry<Value>, for key: String, token: String, epoch known: String, now: Timestamp, _ codec: CacheCodec<Value>
    ) async throws -> Bool {
        let arguments: [RedisCommand.Word] = [
            .text(Self.text(entry.version)), .bytes(Self.encode(entry, codec)), .integer(max(1, (entry.usableUntil - now).milliseconds)),
            .text(token), .text(known),
        ]
        let script = mutations.isEmpty ? Self.put : Self.put(mutations)
        return try await guarded { () async throws(RedisError) in
            try await client.run(script, keys: [value(key), tombstone(key), lease(key), epoch], arguments: arguments)
        } == .integer(1)
    }

    /// Many at once, without leases.
    /// - Returns: the keys that were refused.
    func put<Value>(
        _ entries: [String: CacheEntry<Value>], epoch known: String, now: Timestamp, _ codec: CacheCodec<Value>
    ) async throws -> Set<String> {
        let keys = Array(entries.keys)
        let script = mutations.isEmpty ? Self.put : Self.put(mutations)
        func command(_ key: String, _ entry: CacheEntry<Value>, _ name: RedisCommand.Word, _ text: String) -> RedisCommand {
            RedisCommand([
                name, .text(text), 4, value(key), tombstone(key), lease(key), epoch, .text(Self.text(entry.version)),
                .bytes(Self.encode(entry, codec)), .integer(max(1, (entry.usableUntil - now).milliseconds)), "", .text(known),
            ])
        }
        let replies = try await guarded { () async throws(RedisError) in
            // The first says the whole script: the server may not know it, and then the others could not name it.
            try await client.pipeline(
                keys.enumerated().map { index, key in
                    guard let entry = entries[key] else { return RedisCommand("PING") }
                    return index == 0 ? command(key, entry, "EVAL", script.text) : command(key, entry, "EVALSHA", script.digest)
                })
        }
        return Set(zip(keys, replies).filter { $0.1 == .integer(0) }.map(\.0))
    }

    func release(_ key: String, token: String) async throws {
        _ = try await guarded { () async throws(RedisError) in
            try await client.run(Self.release, keys: [lease(key)], arguments: [.text(token)])
        }
    }

    /// Past the breaker: there are few, and whoever reads depends on them.
    func invalidate(_ key: String, version: Int64, for time: Duration, _ evenIfCurrent: Bool) async throws(RedisError) {
        _ = try await client.run(
            Self.invalidate, keys: [value(key), tombstone(key)],
            arguments: [.text(Self.text(version)), .integer(max(1, time.milliseconds)), evenIfCurrent ? 1 : 0])
    }

    /// Has every process forget all: a new epoch, and the keys of the old one deleted bit by bit.
    func clear() async throws {
        let pattern = RedisCommand.Word.text("\(prefix)v:*")
        var cursor = "0"
        repeat {
            let reply = try await client.send(RedisCommand("SCAN", .text(cursor), "MATCH", pattern, "COUNT", 1000))
            guard let parts = reply.elements, parts.count == 2, let next = parts[0].text, let keys = parts[1].elements else {
                throw RedisError(.unexpectedReply, "a scan's answer has two parts")
            }
            if !keys.isEmpty { _ = try await client.send(RedisCommand(["UNLINK"] + keys.compactMap(\.bytes).map { .bytes($0) })) }
            cursor = next
        } while cursor != "0"
        // Last, so that what was read before is not written after. It is also what the other processes hear.
        _ = try await client.pipeline([RedisCommand("DEL", epoch), RedisCommand("SET", .text(everything), "1")])
    }

    private func guarded<T: Sendable>(_ body: () async throws(RedisError) -> T) async throws -> T {
        let permit = try breaker.permit()
        do throws(RedisError) {
            let result = try await body()
            permit.succeed()
            return result
        } catch {
            switch error.code {
            case .cancelled, .queueFull, .server, .unexpectedReply, .closed: permit.ignore()
            case .unavailable, .connectionLost, .timeout, .authentication, .protocolViolation: permit.fail()
            }
            throw error
        }
    }

    // MARK: How a value is stored: version, kind, four times in microseconds, bytes

    /// Digits of a version: as text of one length they sort like numbers, which Lua's own numbers do not above 2^53.
    private static var digits: Int { 19 }

    private static func text(_ version: Int64) -> String {
        let text = String(version)
        return String(repeating: "0", count: digits - text.count) + text
    }

    static func encode<Value>(_ entry: CacheEntry<Value>, _ codec: CacheCodec<Value>) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeString(text(entry.version))
        buffer.writeInteger(UInt8(ascii: entry.value == nil ? "n" : "v"))
        buffer.writeMultipleIntegers(
            entry.loadedAt.microseconds, entry.freshUntil.microseconds, entry.usableUntil.microseconds, entry.loadTime.microseconds)
        if let value = entry.value { codec.encode(value, &buffer) }
        return buffer
    }

    /// Nil for what another version of the program wrote, or nobody: it is loaded anew then.
    static func decode<Value>(_ bytes: ByteBuffer, _ codec: CacheCodec<Value>) -> CacheEntry<Value>? {
        var buffer = bytes
        guard let version = buffer.readString(length: digits).flatMap({ Int64($0) }), version >= 0,
            let kind = buffer.readInteger(as: UInt8.self),
            let (loaded, fresh, usable, load) = buffer.readMultipleIntegers(as: (Int64, Int64, Int64, Int64).self)
        else { return nil }
        var value: Value?
        switch kind {
        case UInt8(ascii: "n"): break
        case UInt8(ascii: "v"):
            guard let decoded = codec.decode(buffer) else { return nil }
            value = decoded
        default: return nil
        }
        return CacheEntry(
            value: value, version: version, loadedAt: Timestamp(microseconds: loaded), freshUntil: Timestamp(microseconds: fresh),
            usableUntil: Timestamp(microseconds: usable), loadTime: .microseconds(load))
    }
}
