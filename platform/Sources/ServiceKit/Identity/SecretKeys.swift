import Crypto
import FoundationEssentials
public import Logging
import NIOPosix
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Secret keys for a service's own signatures: one signs, and all are accepted, so that the key that signs can be changed while the
/// signatures of the one before still count.
///
/// From a file the keys are read again at most once a second, when somebody asks; if they cannot be read, the last good ones stay.
public final class SecretKeys: Sendable {
    /// One key.
    public struct Key: Hashable, Sendable {
        /// What signatures call it: 8 hexadecimal digits, from a digest of the key.
        public let id: String
        public let bytes: [UInt8]

        public init(bytes: [UInt8]) {
            self.bytes = bytes
            id = hexadecimal(SHA256.hash(data: Array("hello-dd key id".utf8) + bytes).prefix(4))
        }
    }

    private struct State {
        /// The first one signs; never empty.
        var keys: [Key]
        var readAt: ContinuousClock.Instant
    }

    private let file: SecretKeyFile?
    private let now: @Sendable () -> ContinuousClock.Instant
    private let logger: Logger?
    private let state: Mutex<State>
    private static let leastInterval = Duration.seconds(1)

    /// Keys that stay as they are.
    /// - Parameter keys: at least one; the first one signs.
    public init(_ keys: [Key]) {
        precondition(!keys.isEmpty)
        file = nil
        logger = nil
        now = { .now }
        state = Mutex(State(keys: keys, readAt: .now))
    }

    /// The keys of a file, which is made where it is not there.
    /// - Parameter now: the clock that says when to look again.
    public init(
        file: SecretKeyFile, logger: Logger, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) throws(ConfigurationError) {
        self.file = file
        self.logger = logger
        self.now = now
        state = Mutex(State(keys: try file.keys(), readAt: now()))
    }

    /// The one that signs.
    public var signing: Key { state.withLock { $0.keys[0] } }

    /// All that are accepted, the one that signs first.
    public var accepted: [Key] { state.withLock { $0.keys } }

    /// Looks at the file, off the pool that serves requests, unless it was looked at within the last second.
    public func refresh() async {
        guard let file else { return }
        let isDue = state.withLock { state in
            let time = now()
            guard time - state.readAt >= Self.leastInterval else { return false }
            state.readAt = time
            return true
        }
        guard isDue else { return }
        do {
            let keys = try await NIOThreadPool.singleton.runIfActive { try file.keys() }
            state.withLock { $0.keys = keys }
        } catch {
            logger?.warning("secret keys could not be read again", metadata: ["file": "\(file.path)", "error": "\(error)"])
        }
    }
}

/// A file of secret keys, one a line in hexadecimal, `0600`: the first one signs. Each change puts a whole file in the place of another,
/// so that nobody reads half of one.
public struct SecretKeyFile: Hashable, Sendable {
    public let path: String

    public init(path: String) { self.path = path }

    /// In bytes; as long as the digest of HMAC-SHA256.
    public static let shortestKey = 32
    /// In bytes.
    public static let longestKey = 512
    /// Keys of a file.
    public static let most = 4

    /// The keys; the first one is made where there is no file. Several processes may start at once: all get the same.
    public func keys() throws(ConfigurationError) -> [SecretKeys.Key] {
        if let keys = try read() { return keys }
        try write([Self.makeKey()], replacing: false)
        guard let keys = try read() else { throw unwritable }
        return keys
    }

    /// Reads keys separated by commas or line ends. Nil unless there are 1 to 4, each an even number of hexadecimal digits, at least 64.
    public static func parse(_ text: String) -> [SecretKeys.Key]? {
        let parts = text.split { $0 == "," || $0.isNewline }.map { $0.filter { !$0.isWhitespace } }.filter { !$0.isEmpty }
        let keys = parts.compactMap(bytes)
        guard keys.count == parts.count, (1...most).contains(keys.count), Set(keys).count == keys.count else { return nil }
        return keys.map(SecretKeys.Key.init)
    }

    private static func bytes(_ text: some StringProtocol) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count % 2 == 0, (shortestKey * 2...longestKey * 2).contains(digits.count) else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = digit(digits[index]), let low = digit(digits[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }

    // MARK: changing keys

    /// Step 1: a new key is accepted from now on, and signs nothing yet.
    /// - Returns: its id; that of the one before, where this step was taken already and the next was not.
    @discardableResult
    public func publishNext() throws(ConfigurationError) -> String {
        var keys = try keys()
        if let waiting = try waiting(keys) { return waiting.id }
        guard keys.count < Self.most else { throw ConfigurationError("\(path) holds \(Self.most) keys: retire the old ones first") }
        let next = Self.makeKey()
        // The last line waits to sign, and a line of its own says so: its id.
        keys.append(next)
        try write(keys, replacing: true)
        try mark(next.id)
        return next.id
    }

    /// Step 2: the key that waits signs from now on.
    /// - Throws: where none waits.
    public func signWithNext() throws(ConfigurationError) {
        let keys = try keys()
        guard let next = try waiting(keys) else { throw ConfigurationError("\(path) holds no key that waits to sign: publish one first") }
        try write([next] + keys.filter { $0 != next }, replacing: true)
        unlink(marker)
    }

    /// Step 3: only the key that signs is accepted from now on.
    /// - Returns: the ids of those that are accepted no more.
    @discardableResult
    public func retireOthers() throws(ConfigurationError) -> [String] {
        let keys = try keys()
        guard try waiting(keys) == nil else { throw ConfigurationError("a key of \(path) waits to sign: let it first") }
        if keys.count > 1 { try write([keys[0]], replacing: true) }
        return keys.dropFirst().map(\.id)
    }

    private var marker: String { path + ".next" }

    private func waiting(_ keys: [SecretKeys.Key]) throws(ConfigurationError) -> SecretKeys.Key? {
        guard let data = FileManager.default.contents(atPath: marker) else { return nil }
        let id = String(decoding: data, as: UTF8.self).filter { !$0.isWhitespace }
        return keys.dropFirst().first { $0.id == id }
    }

    private func mark(_ id: String) throws(ConfigurationError) {
        guard let draft = self.draft(Array((id + "\n").utf8)), rename(draft, marker) == 0 else { throw unwritable }
    }

    // MARK: the file

    private func read() throws(ConfigurationError) -> [SecretKeys.Key]? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        guard let keys = Self.parse(String(decoding: data, as: UTF8.self)) else {
            throw ConfigurationError("\(path) does not hold a key: remove it and a new one is made")
        }
        return keys
    }

    /// - Parameter replacing: false where a file that is there already stays, because somebody else was quicker.
    private func write(_ keys: [SecretKeys.Key], replacing: Bool) throws(ConfigurationError) {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        guard let draft = self.draft(Array(keys.map { hexadecimal($0.bytes) + "\n" }.joined().utf8)) else { throw unwritable }
        defer { unlink(draft) }
        guard replacing ? rename(draft, path) == 0 : link(draft, path) == 0 || errno == EEXIST else { throw unwritable }
    }

    /// Writes a file beside this one, whole; nil where that is not possible.
    private func draft(_ bytes: [UInt8]) -> String? {
        let draft = "\(path).\(getpid()).\(UInt32.random(in: 0...UInt32.max))"
        let file = open(draft, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        guard file >= 0 else { return nil }
        let written = bytes.withUnsafeBytes { writeBytes(file, $0.baseAddress, $0.count) }
        fsync(file)
        close(file)
        guard written == bytes.count else {
            unlink(draft)
            return nil
        }
        return draft
    }

    private var unwritable: ConfigurationError { ConfigurationError("\(path) cannot be written: choose another folder for keys with KEYS_DIR") }

    private static func makeKey() -> SecretKeys.Key {
        var random = SystemRandomNumberGenerator()
        return SecretKeys.Key(bytes: (0..<shortestKey).map { _ in random.next() as UInt8 })
    }
}

/// The name `write` is taken by a method where it is called.
private func writeBytes(_ file: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int { write(file, bytes, count) }

private func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
