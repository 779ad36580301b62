internal import Basics
public import NIOCore
public import Redis
public import Resilience

/// The tier that processes share: values in Redis, written only over older ones.
///
/// Three keys for each key of the cache: the value with its version in front; the lease of whoever loads it; and, after an invalidation, the
/// tombstone with the version that a value must have at least. Each is compared and set in one script, so a slow reader never puts an old
/// value over a new one, also not where the new one was a deletion. That a tombstone was set is what the other processes hear.
public struct RemoteCache: Sendable {
    /// Digits of a version: as text of one length they sort like numbers, which Lua's own numbers do not above 2^53.
    private static let digits = 19

    let client: RedisClient
    let prefix: String
    let breaker: CircuitBreaker

    /// - Parameters:
    ///   - name: of the cache; part of its keys: letters, digits, `-`, `_`, `.`.
    ///   - breaker: keeps calls from a server that does not answer.
    public init(_ client: RedisClient, name: String, breaker: CircuitBreaker) {
        self.client = client
        prefix = "cache:\(name):"
        self.breaker = breaker
    }

    /// Keys that begin so are tombstones.
    var tombstones: String { "\(prefix)x:" }

    private func value(_ key: String) -> RedisCommand.Word { .text("\(prefix)v:\(key)") }
    private func lease(_ key: String) -> RedisCommand.Word { .text("\(prefix)l:\(key)") }
    private func tombstone(_ key: String) -> RedisCommand.Word { .text("\(tombstones)\(key)") }

    private static let put = RedisScript(
        """
        local tombstone = redis.call('GET', KEYS[2])
        local held = redis.call('GETRANGE', KEYS[1], 0, \(digits - 1))
        local done = 0
        if not (tombstone and tombstone > ARGV[1]) and not (#held == \(digits) and held > ARGV[1]) then
          redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
          done = 1
        end
        if redis.call('GET', KEYS[3]) == ARGV[4] then redis.call('DEL', KEYS[3]) end
        return done
        """)

    private static let invalidate = RedisScript(
        """
        local tombstone = redis.call('GET', KEYS[2])
        if not tombstone or tombstone < ARGV[1] then redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2]) end
        local held = redis.call('GETRANGE', KEYS[1], 0, \(digits - 1))
        if #held == \(digits) and held < ARGV[1] then redis.call('DEL', KEYS[1]) end
        return 1
        """)

    private static let release = RedisScript("if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 1")

    private static func text(_ version: Int64) -> String {
        let text = String(version)
        return String(repeating: "0", count: digits - text.count) + text
    }

    // MARK: Calls

    func get<Value>(_ key: String, _ codec: CacheCodec<Value>) async throws -> CacheEntry<Value>? {
        let reply = try await guarded { () async throws(RedisError) in try await client.send(RedisCommand("GET", value(key))) }
        guard let bytes = reply.bytes else { return nil }
        return Self.decode(bytes, codec)
    }

    /// Whether this is now the one who loads `key`.
    func lease(_ key: String, token: String, for time: Duration) async throws -> Bool {
        let milliseconds = RedisCommand.Word.integer(max(1, Int64(time.milliseconds)))
        let reply = try await guarded { () async throws(RedisError) in
            try await client.send(RedisCommand("SET", lease(key), .text(token), "NX", "PX", milliseconds))
        }
        return !reply.isNull
    }

    /// False: what is there, or was invalidated, is newer.
    func put<Value>(_ entry: CacheEntry<Value>, for key: String, token: String, now: Timestamp, _ codec: CacheCodec<Value>) async throws -> Bool {
        let lifetime = max(1, Int64((entry.usableUntil - now).milliseconds))
        let arguments: [RedisCommand.Word] = [
            .text(Self.text(entry.version)), .bytes(Self.encode(entry, codec)), .integer(lifetime), .text(token),
        ]
        return try await guarded { () async throws(RedisError) in
            try await client.run(Self.put, keys: [value(key), tombstone(key), lease(key)], arguments: arguments)
        } == .integer(1)
    }

    func release(_ key: String, token: String) async throws {
        _ = try await guarded { () async throws(RedisError) in
            try await client.run(Self.release, keys: [lease(key)], arguments: [.text(token)])
        }
    }

    func invalidate(_ key: String, version: Int64, for time: Duration) async throws {
        _ = try await guarded { () async throws(RedisError) in
            try await client.run(
                Self.invalidate, keys: [value(key), tombstone(key)], arguments: [.text(Self.text(version)), .integer(max(1, Int64(time.milliseconds)))])
        }
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

    // MARK: How a value is stored: version, kind, three times in microseconds, bytes

    static func encode<Value>(_ entry: CacheEntry<Value>, _ codec: CacheCodec<Value>) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeString(text(entry.version))
        buffer.writeInteger(UInt8(ascii: entry.value == nil ? "n" : "v"))
        buffer.writeInteger(entry.freshUntil.microseconds)
        buffer.writeInteger(entry.usableUntil.microseconds)
        buffer.writeInteger(Int64(entry.loadTime.microseconds))
        if let value = entry.value { codec.encode(value, &buffer) }
        return buffer
    }

    /// Nil for what another version of the program wrote, or nobody: it is loaded anew then.
    static func decode<Value>(_ bytes: ByteBuffer, _ codec: CacheCodec<Value>) -> CacheEntry<Value>? {
        var buffer = bytes
        guard let version = buffer.readString(length: digits).flatMap({ Int64($0) }), version >= 0,
            let (kind, fresh, usable, load) = buffer.readMultipleIntegers(as: (UInt8, Int64, Int64, Int64).self)
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
            value: value, version: version, freshUntil: Timestamp(microseconds: fresh), usableUntil: Timestamp(microseconds: usable),
            loadTime: .microseconds(load))
    }
}

/// How values are written as bytes for the remote tier, and how much of the process' memory they take.
public struct CacheCodec<Value: Sendable>: Sendable {
    public var encode: @Sendable (Value, inout ByteBuffer) -> Void
    /// Nil: the bytes are not of this program's making.
    public var decode: @Sendable (ByteBuffer) -> Value?
    /// Bytes.
    public var cost: @Sendable (Value) -> Int

    public init(
        encode: @escaping @Sendable (Value, inout ByteBuffer) -> Void, decode: @escaping @Sendable (ByteBuffer) -> Value?,
        cost: @escaping @Sendable (Value) -> Int
    ) {
        self.encode = encode
        self.decode = decode
        self.cost = cost
    }
}

extension CacheCodec where Value == ByteBuffer {
    /// Bytes as they are, for answers that are kept already encoded.
    public static var bytes: CacheCodec {
        CacheCodec(encode: { $1.writeImmutableBuffer($0) }, decode: { $0 }, cost: { $0.readableBytes })
    }
}
