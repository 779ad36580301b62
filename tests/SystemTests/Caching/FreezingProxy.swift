import NIOCore
import NIOPosix
import Synchronization

/// A way through to a server that can be frozen: the connections stand, and nothing comes through them. That is what a network does which
/// drops packets, and what nobody is told of.
final class FreezingProxy: Sendable {
    let port: Int
    private let listener: any Channel
    private let state: State

    private final class State: Sendable {
        let frozen = Mutex<(isFrozen: Bool, held: [@Sendable () -> Void])>((false, []))

        /// Now, or when the ice is gone; in order.
        func pass(_ body: @escaping @Sendable () -> Void) {
            let isFrozen = frozen.withLock { frozen in
                if frozen.isFrozen { frozen.held.append(body) }
                return frozen.isFrozen
            }
            if !isFrozen { body() }
        }
    }

    private init(_ listener: any Channel, _ state: State) {
        self.listener = listener
        self.state = state
        port = listener.localAddress?.port ?? 0
    }

    static func with<T>(to target: Int, _ body: (FreezingProxy) async throws -> T) async throws -> T {
        let state = State()
        let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                ClientBootstrap(group: channel.eventLoop)
                    .connect(host: "127.0.0.1", port: target)
                    .flatMapThrowing { server in
                        try channel.pipeline.syncOperations.addHandler(Half(server, state))
                        try server.pipeline.syncOperations.addHandler(Half(channel, state))
                    }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let result: Result<T, any Error>
        do { result = .success(try await body(FreezingProxy(listener, state))) } catch { result = .failure(error) }
        try? await listener.close()
        return try result.get()
    }

    func freeze() { state.frozen.withLock { $0.isFrozen = true } }

    func thaw() {
        let held = state.frozen.withLock { frozen in
            defer { frozen = (false, []) }
            return frozen.held
        }
        for body in held { body() }
    }

    private final class Half: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let peer: any Channel
        private let state: State

        init(_ peer: any Channel, _ state: State) {
            self.peer = peer
            self.state = state
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let (peer, bytes) = (peer, unwrapInboundIn(data))
            state.pass { peer.writeAndFlush(bytes, promise: nil) }
        }

        func channelInactive(context: ChannelHandlerContext) {
            let peer = peer
            state.pass { peer.close(promise: nil) }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
