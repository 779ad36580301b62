import NIOCore
import NIOHTTP1
import NIOPosix
import Telemetry

/// Asks, waits for the answer, and asks again, on many connections and one thread.
struct ClosedLoop: Sendable {
    let port: Int
    let path: String

    /// One line: answers a second, and the median and the 99th percentile of their times in microseconds.
    func run(connections: Int, seconds: Double) async throws -> String {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let begun = Ticks.now()
        let end = begun + Int64(seconds * 1e9)
        let path = path
        let results = (0..<connections).map { _ in
            ClientBootstrap(group: group).connect(host: "127.0.0.1", port: port).flatMap { channel in
                let done = channel.eventLoop.makePromise(of: [Int64].self)
                return channel.eventLoop.submit {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(Asking(path: path, until: end, done))
                }.flatMap { done.futureResult }
            }
        }
        let times = try await EventLoopFuture.whenAllSucceed(results, on: group.next()).get().flatMap { $0 }.sorted()
        let elapsed = Double(Ticks.now() - begun) / 1e9
        try await group.shutdownGracefully()
        guard !times.isEmpty else { throw BenchError("nothing was answered") }
        return "\(Int(Double(times.count) / elapsed)) \(times[times.count / 2] / 1000) \(times[times.count * 99 / 100] / 1000)"
    }
}

/// One connection.
private final class Asking: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let path: String
    private let end: Int64
    private let done: EventLoopPromise<[Int64]>
    private var asked: Int64 = 0
    private var times: [Int64] = []
    private var isOver = false

    init(path: String, until end: Int64, _ done: EventLoopPromise<[Int64]>) {
        self.path = path
        self.end = end
        self.done = done
    }

    // Already connected when it is added.
    func handlerAdded(context: ChannelHandlerContext) { ask(context) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): if head.status != .ok { finish(context, .failure(BenchError("answered \(head.status.code)"))) }
        case .body: break
        case .end:
            let now = Ticks.now()
            times.append(now - asked)
            if now < end { ask(context) } else { finish(context, .success(times)) }
        }
    }

    func channelInactive(context: ChannelHandlerContext) { finish(context, .failure(BenchError("the service closed the connection"))) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { finish(context, .failure(error)) }

    private func finish(_ context: ChannelHandlerContext, _ result: Result<[Int64], any Error>) {
        if isOver { return }
        isOver = true
        done.completeWith(result)
        context.close(promise: nil)
    }

    private func ask(_ context: ChannelHandlerContext) {
        asked = Ticks.now()
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: path, headers: ["host": "localhost"])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}
