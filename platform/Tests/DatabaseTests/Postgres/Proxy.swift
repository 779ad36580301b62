import Foundation
import LocalServers
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Stands between a client and a server on this machine, and cuts, swallows or stalls what goes through.
///
/// With blocking sockets on threads of its own: two for each connection.
final class Proxy: Sendable {
    /// What becomes of a piece that a client sends.
    enum Verdict: Sendable {
        case pass
        /// The connection is cut and the piece not passed on.
        case cut
        /// The piece is passed on; the connection is cut as soon as the server has answered, and the client never sees the answer.
        case swallowAnswer
    }

    enum Mode: Sendable {
        case passing
        /// New connections are closed at once.
        case refusing
        /// New connections are accepted and then nothing happens; on those that are there nothing is passed on any more.
        case stalling
    }

    private struct State {
        var mode = Mode.passing
        var accepted = 0
        var pairs: [Pair] = []
    }

    let port: Int
    private let listener: Int32
    private let server: Int
    private let judge: @Sendable (String) -> Verdict
    private let state = Mutex(State())

    /// - Parameter judge: gets each piece from the client, as text.
    init(to server: Int, _ judge: @escaping @Sendable (String) -> Verdict = { _ in .pass }) throws {
        self.server = server
        self.judge = judge
        let listener = socket(AF_INET, streams, 0)
        self.listener = listener
        var address = loopback(0)
        let failure = withAddress(&address) { bind(listener, $0, $1) } != 0 || listen(listener, 64) != 0
        guard listener >= 0, !failure else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &length) }
        }
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread { self.accept() }
    }

    /// Before the server that the tests share.
    static func beforeServer(_ judge: @escaping @Sendable (String) -> Verdict = { _ in .pass }) async throws -> Proxy {
        try Proxy(to: try await PostgresServer.shared().port, judge)
    }

    var accepted: Int { state.withLock { $0.accepted } }

    func set(_ mode: Mode) { state.withLock { $0.mode = mode } }

    /// Cuts all connections that there are.
    func cut() {
        for pair in state.withLock({ state in
            defer { state.pairs = [] }
            return state.pairs
        }) { pair.cut() }
    }

    /// Cuts all connections and takes no more.
    func end() {
        set(.refusing)
        shutdown(listener, Int32(SHUT_RDWR))
        cut()
    }

    private var mode: Mode { state.withLock { $0.mode } }

    private func accept() {
        while true {
            let client = acceptFrom(listener)
            guard client >= 0 else { break }
            let mode = state.withLock { state in
                state.accepted += 1
                return state.mode
            }
            let upstream = mode == .passing ? socket(AF_INET, streams, 0) : -1
            var address = loopback(UInt16(server))
            if mode == .refusing || (mode == .passing && withAddress(&address) { connect(upstream, $0, $1) } != 0) {
                close(client)
                if upstream >= 0 { close(upstream) }
                continue
            }
            let pair = Pair(client, upstream)
            state.withLock { $0.pairs.append(pair) }
            guard mode == .passing else { continue }
            Thread.detachNewThread { self.pump(pair, from: pair.client, to: pair.server, isRequest: true) }
            Thread.detachNewThread { self.pump(pair, from: pair.server, to: pair.client, isRequest: false) }
        }
        close(listener)
    }

    private func pump(_ pair: Pair, from source: Int32, to sink: Int32, isRequest: Bool) {
        defer { pair.cut() }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(source, &buffer, buffer.count, 0)
            guard count > 0 else { return }
            while mode == .stalling, !pair.isCut { usleep(1000) }
            if isRequest {
                switch judge(String(decoding: buffer[..<count], as: UTF8.self)) {
                case .pass: break
                case .cut: return
                case .swallowAnswer: pair.swallows = true
                }
            } else if pair.swallows {
                return
            }
            var sent = 0
            while sent < count {
                let part = buffer[sent..<count].withUnsafeBytes { send(sink, $0.baseAddress, $0.count, noSignal) }
                guard part > 0 else { return }
                sent += part
            }
        }
    }

    /// Two sockets that live and die together. They are closed when neither thread uses them any more.
    private final class Pair: Sendable {
        let client: Int32
        let server: Int32
        private let flags = Mutex((isCut: false, swallows: false))

        init(_ client: Int32, _ server: Int32) { (self.client, self.server) = (client, server) }

        deinit { for descriptor in [client, server] where descriptor >= 0 { close(descriptor) } }

        var isCut: Bool { flags.withLock { $0.isCut } }
        var swallows: Bool {
            get { flags.withLock { $0.swallows } }
            set { flags.withLock { $0.swallows = newValue } }
        }

        func cut() {
            flags.withLock { $0.isCut = true }
            for descriptor in [client, server] where descriptor >= 0 { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }
}

#if canImport(Darwin)
private let streams = SOCK_STREAM
private let noSignal = Int32(0)
#else
private let streams = Int32(SOCK_STREAM.rawValue)
private let noSignal = Int32(MSG_NOSIGNAL)
#endif

private func acceptFrom(_ listener: Int32) -> Int32 { accept(listener, nil, nil) }

private func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    return address
}

private func withAddress(_ address: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
}
