import NIOCore
import NIOPosix

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

/// A port of loopback on which nothing listens.
public func unusedPort() async throws -> Int {
    let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup).bind(host: "127.0.0.1", port: 0).get()
    let port = channel.localAddress?.port ?? 0
    try await channel.close()
    return port
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
