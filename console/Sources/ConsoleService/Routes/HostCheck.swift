import HTTPPath
import Hummingbird

/// Refuses requests that a browser was led here with under a foreign name.
///
/// A page from anywhere can have its own name resolve to 127.0.0.1, and is then, for the browser, of the same origin as what listens
/// here: it could read every trace. It cannot make the browser send another name than its own, so the name tells.
struct HostCheck: Sendable {
    /// Whether the console listens on loopback; on another address, names of this machine cannot be known.
    let isLocal: Bool

    init(listeningOn host: String) { isLocal = Self.isLoopback(host) }

    /// - Throws: 421 for a name that is not this machine's own.
    func check(_ request: Request) throws(Problem) {
        guard isLocal, let authority = request.head.authority, !Self.isLoopback(Self.name(in: authority)) else { return }
        throw Problem(421, "foreign_host", "This address is answered under the name localhost only.")
    }

    /// Of `name:port`, `[::1]:port`, or either without a port.
    static func name(in authority: String) -> String {
        if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
            return String(authority[authority.index(after: authority.startIndex)..<end])
        }
        return authority.lastIndex(of: ":").map { String(authority[..<$0]) } ?? authority
    }

    static func isLoopback(_ name: String) -> Bool {
        let name = name.lowercased()
        return name == "localhost" || name.hasSuffix(".localhost") || name == "::1"
            || name.hasPrefix("127.") && name.utf8.allSatisfy { $0 == UInt8(ascii: ".") || (48...57).contains($0) }
    }
}
