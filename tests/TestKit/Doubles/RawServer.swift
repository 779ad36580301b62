import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// What a peer does that speaks no HTTP, or speaks it badly.
public enum RawBehaviour: Sendable {
    /// Sends these bytes when a request has begun to arrive, then closes.
    case answerThenClose(String)
    /// Sends these bytes and then nothing more, without closing.
    case answerThenStall(String)
    /// Closes when a request has begun to arrive.
    case closeAtOnce
}

/// Runs `body` with the port of a server on loopback that behaves like this on every connection.
public func withRawServer<T>(_ behaviour: RawBehaviour, _ body: (Int) async throws -> T) async throws -> T {
    let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Answerer(behaviour)) }
        }
        .bind(host: "127.0.0.1", port: 0).get()
    let outcome: Result<T, any Error>
    do { outcome = .success(try await body(channel.localAddress?.port ?? 0)) } catch { outcome = .failure(error) }
    try await channel.close()
    return try outcome.get()
}

/// Runs `body` with a port of loopback that is taken, so that nobody else gets it, and on which nothing listens.
public func withDeadPort<T>(_ body: (Int) async throws -> T) async throws -> T {
    #if canImport(Glibc)
    let stream = Int32(SOCK_STREAM.rawValue)
    #else
    let stream = SOCK_STREAM
    #endif
    let descriptor = socket(AF_INET, stream, 0)
    guard descriptor >= 0 else { throw TestKitError("no socket: errno \(errno)") }
    defer { _ = close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let failed = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) != 0 || getsockname(descriptor, $0, &length) != 0 }
    }
    guard !failed else { throw TestKitError("no port: errno \(errno)") }
    return try await body(Int(UInt16(bigEndian: address.sin_port)))
}

private final class Answerer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let behaviour: RawBehaviour
    private var hasAnswered = false

    init(_ behaviour: RawBehaviour) { self.behaviour = behaviour }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasAnswered else { return }
        hasAnswered = true
        let context = NIOLoopBound(context, eventLoop: context.eventLoop)
        switch behaviour {
        case .answerThenClose(let text):
            context.value.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text))).whenComplete { _ in context.value.close(promise: nil) }
        case .answerThenStall(let text): context.value.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        case .closeAtOnce: context.value.close(promise: nil)
        }
    }
}
