public import NIOPosix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Where one replica of a service is.
public struct ServiceAddress: Hashable, Sendable, CustomStringConvertible {
    /// Scheme, host and port, without a slash at the end.
    public let baseURL: String
    /// What the `Host` header says, where `baseURL` has an address in the place of the name; nil for the same.
    public let host: String?

    public init(_ baseURL: String, host: String? = nil) {
        self.baseURL = baseURL.hasSuffix("/") ? String(baseURL.dropLast()) : baseURL
        self.host = host
    }

    public var description: String { host.map { "\(baseURL) (\($0))" } ?? baseURL }

    /// The host and the port that the URL names; nil for https, whose certificates are of the name and not of its addresses, and for what is
    /// an address already.
    var resolvable: (name: String, port: Int)? {
        guard host == nil, baseURL.hasPrefix("http://") else { return nil }
        let rest = baseURL.dropFirst("http://".count)
        guard !rest.hasPrefix("[") else { return nil }
        let parts = rest.split(separator: ":", maxSplits: 1)
        guard let name = parts.first.map(String.init), let port = parts.count > 1 ? Int(parts[1]) : 80 else { return nil }
        let isAddress = name.allSatisfy { $0.isNumber || $0 == "." }
        return isAddress || name == "localhost" ? nil : (name, port)
    }
}

/// Finds the addresses behind the names of services.
public protocol NameResolver: Sendable {
    /// The addresses of a host, each once; IPv6 ones without brackets. Empty where the name cannot be resolved now.
    func addresses(of host: String) async -> [String]
}

extension NameResolver {
    /// Each address as it is, and a name that stands for several addresses replaced by them: only then there is something to choose from.
    public func expand(_ addresses: [ServiceAddress]) async -> [ServiceAddress] {
        var expanded: [ServiceAddress] = []
        for address in addresses {
            guard let (name, port) = address.resolvable else {
                expanded.append(address)
                continue
            }
            let found = await self.addresses(of: name)
            // One is left to the client library, which resolves it by itself.
            guard found.count > 1 else {
                expanded.append(address)
                continue
            }
            let host = port == 80 ? name : "\(name):\(port)"
            expanded += found.map { ServiceAddress("http://\($0.contains(":") ? "[\($0)]" : $0):\(port)", host: host) }
        }
        return expanded
    }
}

/// The system's resolver (`getaddrinfo`), on threads of its own because it blocks.
public struct SystemResolver: NameResolver {
    private let pool: NIOThreadPool

    public init(pool: NIOThreadPool = .singleton) { self.pool = pool }

    public func addresses(of host: String) async -> [String] {
        (try? await pool.runIfActive { Self.lookUp(host) }) ?? []
    }

    /// Of one family, IPv4 before IPv6: a replica has both, and is one replica.
    static func lookUp(_ host: String) -> [String] {
        var hints = addrinfo()
        #if canImport(Glibc)
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        #else
        hints.ai_socktype = SOCK_STREAM
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var found: [(family: CInt, text: String)] = []
        var next = list
        while let entry = next {
            var buffer = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            if getnameinfo(entry.pointee.ai_addr, entry.pointee.ai_addrlen, &buffer, socklen_t(buffer.count), nil, 0, NI_NUMERICHOST) == 0 {
                found.append((entry.pointee.ai_family, String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)))
            }
            next = entry.pointee.ai_next
        }
        let family = found.contains { $0.family == AF_INET } ? AF_INET : AF_INET6
        var seen: Set<String> = []
        return found.filter { $0.family == family && seen.insert($0.text).inserted }.map(\.text).sorted()
    }
}
