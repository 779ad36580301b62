import FoundationEssentials
import ServiceKit

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The key that signs quotes: configured, or made once and kept beside the other keys.
enum SigningKey {
    /// - Parameters:
    ///   - configured: hexadecimal; comes first.
    ///   - folder: where `quotes.key` is, or will be: `0600`, hexadecimal. Several processes may start at once; all get the same key.
    static func load(configured: String?, folder: String) throws(ConfigurationError) -> [UInt8] {
        if let configured {
            guard let key = bytes(hexadecimal: configured) else {
                throw ConfigurationError("QUOTE_SIGNING_KEY must be at least 64 hexadecimal digits")
            }
            return key
        }
        let path = "\(folder)/quotes.key"
        if let key = try read(path) { return key }
        try make(path, in: folder)
        guard let key = try read(path) else { throw unwritable(folder) }
        return key
    }

    /// Nil unless it is an even number of hexadecimal digits, at least 64 of them and at most 1024.
    static func bytes(hexadecimal text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count % 2 == 0, (QuoteSigner.shortestKey * 2...1024).contains(digits.count) else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = value(digits[index]), let low = value(digits[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 48...57: digit - 48
        case 65...70: digit - 55
        case 97...102: digit - 87
        default: nil
        }
    }

    private static func read(_ path: String) throws(ConfigurationError) -> [UInt8]? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        guard let key = bytes(hexadecimal: String(decoding: data.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)) else {
            throw ConfigurationError("\(path) does not hold a key: remove it and a new one is made")
        }
        return key
    }

    /// Written whole under another name, then linked to its own: whoever comes second finds the first one's key.
    private static func make(_ path: String, in folder: String) throws(ConfigurationError) {
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        var random = SystemRandomNumberGenerator()
        let words = (0..<4).map { _ in random.next() as UInt64 }
        let text = Array(words.map { String(repeating: "0", count: 16 - String($0, radix: 16).utf8.count) + String($0, radix: 16) }.joined().utf8)
        let draft = "\(path).\(getpid()).\(random.next() as UInt32)"
        let file = open(draft, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        guard file >= 0 else { throw unwritable(folder) }
        defer { unlink(draft) }
        let written = text.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        fsync(file)
        close(file)
        guard written == text.count, link(draft, path) == 0 || errno == EEXIST else { throw unwritable(folder) }
    }

    private static func unwritable(_ folder: String) -> ConfigurationError {
        ConfigurationError("the keys folder \(folder) cannot be written to: choose another with KEYS_DIR")
    }
}
