/// Decides by a field's name whether its value may be logged.
///
/// Names are compared without regard to case, `_`, `-` and spaces, and anywhere in the name: `X-Api-Key`, `apiKey` and
/// `stripe_api_key_id` are all covered by `apikey`. Covering too much costs a debugging session; too little costs a secret.
public struct Redaction: Sendable {
    /// Written in place of the value.
    public static let mark = "[redacted]"

    /// Credentials, payment data, and what identifies a person.
    public static let standard = Redaction(fragments: [
        "authorization", "apikey", "cookie", "credential", "jwt", "passphrase", "password", "passwd", "privatekey", "secret", "sessionid", "token",
        "card", "cvc", "cvv", "iban",
        "email", "phone",
    ])

    /// The fragments by their first byte, so that most positions of a name cost one look-up.
    private let byFirstByte: [UInt8: [[UInt8]]]

    public init(fragments: [String]) {
        byFirstByte = Dictionary(grouping: fragments.map { Self.normalized($0) }.filter { !$0.isEmpty }) { $0[0] }
    }

    /// True if the value under `key` must not be written.
    public func covers(_ key: String) -> Bool {
        let name = Self.normalized(key)
        for start in name.indices {
            guard let fragments = byFirstByte[name[start]] else { continue }
            if fragments.contains(where: { name[start...].starts(with: $0) }) { return true }
        }
        return false
    }

    /// A URL's query with the values left out whose names are covered: `q=cup&token=[redacted]`.
    public func query(_ text: some StringProtocol) -> String {
        text.split(separator: "&", omittingEmptySubsequences: false).map { pair in
            guard let equals = pair.firstIndex(of: "="), covers(String(pair[..<equals])) else { return String(pair) }
            return "\(pair[..<equals])=\(Self.mark)"
        }.joined(separator: "&")
    }

    private static func normalized(_ key: String) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(key.utf8.count)
        for byte in key.utf8 {
            switch byte {
            case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: " "): continue
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): bytes.append(byte | 0x20)
            default: bytes.append(byte)
            }
        }
        return bytes
    }
}
