#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// An IP address; IPv4 ones are held as IPv6 maps them, so that both spellings are the same.
public struct IPAddress: Hashable, Sendable, CustomStringConvertible {
    /// 16 bytes.
    let bytes: [UInt8]

    /// Reads `192.0.2.1`, `2001:db8::1` or `::ffff:192.0.2.1`; a zone (`%eth0`) is cut off.
    public init?(_ text: some StringProtocol) {
        let text = String(text.split(separator: "%", maxSplits: 1).first ?? "")
        guard (2...45).contains(text.utf8.count) else { return nil }
        var four = [UInt8](repeating: 0, count: 4)
        if inet_pton(AF_INET, text, &four) == 1 {
            bytes = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF] + four
            return
        }
        var six = [UInt8](repeating: 0, count: 16)
        guard inet_pton(AF_INET6, text, &six) == 1 else { return nil }
        bytes = six
    }

    var isIPv4: Bool { bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF }

    public var description: String {
        if isIPv4 { return bytes[12...].map(String.init).joined(separator: ".") }
        var buffer = [CChar](repeating: 0, count: 46)
        guard inet_ntop(AF_INET6, bytes, &buffer, 46) != nil else { return "" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// What a rate limit counts by: the address, and of IPv6 its first 64 bits, since whoever has one of them has them all.
    public var rateKey: String { isIPv4 ? description : bytes[..<8].map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined() }
}

/// The proxies whose word about the client is believed, as addresses and networks.
public struct TrustedProxies: Hashable, Sendable {
    private struct Network: Hashable, Sendable {
        let base: IPAddress
        /// Of 128.
        let bits: Int

        func contains(_ address: IPAddress) -> Bool {
            let whole = bits / 8
            guard base.bytes[..<whole] == address.bytes[..<whole] else { return false }
            guard bits % 8 != 0 else { return true }
            let mask = UInt8.max << UInt8(8 - bits % 8)
            return base.bytes[whole] & mask == address.bytes[whole] & mask
        }
    }

    private let networks: [Network]

    /// Nobody.
    public static let none = TrustedProxies()

    private init() { networks = [] }

    /// Reads `10.0.0.0/8, 192.0.2.7, 2001:db8::/32`; nil where a part is none of these.
    public init?(_ text: String) {
        var networks: [Network] = []
        for part in text.split(separator: ",") {
            let pieces = String(part).trimmed.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            guard let first = pieces.first, let base = IPAddress(first) else { return nil }
            let width = base.isIPv4 ? 32 : 128
            guard pieces.count > 1 else {
                networks.append(Network(base: base, bits: 128))
                continue
            }
            guard let bits = Int(pieces[1]), (0...width).contains(bits) else { return nil }
            networks.append(Network(base: base, bits: bits + 128 - width))
        }
        self.networks = networks
    }

    public func contains(_ address: IPAddress) -> Bool { networks.contains { $0.contains(address) } }

    /// Who the client is: the peer, or, if the peer is trusted, the last address in `X-Forwarded-For` that is not. Whatever stands before
    /// that one may have been made up. What cannot be read ends the walk at whoever sent it.
    /// - Parameter forwarded: the header's lines in order.
    public func client(peer: IPAddress, forwarded: [String]) -> IPAddress {
        var client = peer
        for entry in forwarded.joined(separator: ",").split(separator: ",", omittingEmptySubsequences: false).reversed() {
            guard contains(client), let address = Self.address(in: String(entry).trimmed) else { return client }
            client = address
        }
        return client
    }

    /// An address that may carry a port: `192.0.2.1:4711`, `[2001:db8::1]:4711`, or one in brackets without.
    private static func address(in text: String) -> IPAddress? {
        if text.hasPrefix("[") { return text.firstIndex(of: "]").flatMap { IPAddress(text[text.index(after: text.startIndex)..<$0]) } }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        return IPAddress(parts.count == 2 ? parts[0] : text[...])
    }
}
