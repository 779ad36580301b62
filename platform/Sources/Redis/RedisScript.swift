internal import Crypto

/// A Lua script that the server runs as one step. It should compute its times from the server's clock (`TIME`).
public struct RedisScript: Hashable, Sendable {
    public let text: String
    /// For spans: of a bounded set.
    public let name: String
    /// SHA-1 as the server names scripts, in hexadecimal.
    public let digest: String

    public init(_ name: String, _ text: String) {
        self.name = name
        self.text = text
        let digits = Array("0123456789abcdef")
        var digest = ""
        for byte in Insecure.SHA1.hash(data: Array(text.utf8)) {
            digest.append(digits[Int(byte >> 4)])
            digest.append(digits[Int(byte & 15)])
        }
        self.digest = digest
    }
}
