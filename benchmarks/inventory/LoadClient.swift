import Basics
import NIOCore
import NIOPosix

/// Asks and waits, on many connections and one thread, and reads no more of an answer than tells where it ends: the machine is shared with
/// what is measured.
struct LoadClient: Sendable {
    let port: Int
    let token: String

    func run(_ workload: Workload, connections: Int, seconds: Int) async throws -> Measurement {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            let begun = ContinuousClock.now
            let end = begun + .seconds(seconds)
            let token = token
            let results = (0..<connections).map { _ in
                ClientBootstrap(group: group)
                    .channelOption(ChannelOptions.socketOption(.tcp_nodelay), value: 1)
                    .connect(host: "127.0.0.1", port: port)
                    .flatMap { channel in
                        let done = channel.eventLoop.makePromise(of: [UInt32].self)
                        return channel.eventLoop.submit {
                            try channel.pipeline.syncOperations.addHandler(Asking(workload, token: token, until: end, done))
                        }.flatMap { done.futureResult }
                    }
            }
            let times = try await EventLoopFuture.whenAllSucceed(results, on: group.next()).get()
            let elapsed = ContinuousClock.now - begun
            try await group.shutdownGracefully()
            return Measurement(times: times.flatMap { $0 }, seconds: elapsed.inSeconds)
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
    }
}

/// One connection.
private final class Asking: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let workload: Workload
    private let headers: String
    private let end: ContinuousClock.Instant
    private let done: EventLoopPromise<[UInt32]>
    private var random = Random(seed: UInt64.random(in: 0...UInt64.max))
    private var received = ByteBuffer()
    private var asked = ContinuousClock.now
    private var times: [UInt32] = []
    private var isOver = false

    init(_ workload: Workload, token: String, until end: ContinuousClock.Instant, _ done: EventLoopPromise<[UInt32]>) {
        self.workload = workload
        headers = " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(token)\r\n"
        self.end = end
        self.done = done
    }

    // Already connected when it is added.
    func handlerAdded(context: ChannelHandlerContext) { ask(context) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        received.writeBuffer(&buffer)
        guard let (status, length) = answer() else { return }
        let isExpected = status == (workload == .read ? 200 : 201)
        guard isExpected else { return finish(context, .failure(BenchError("answered \(status): \(String(buffer: received))"))) }
        guard received.readableBytes == length else { return finish(context, .failure(BenchError("more was answered than was asked for"))) }
        received.clear()
        let now = ContinuousClock.now
        times.append(UInt32(clamping: (now - asked).microseconds))
        if now < end { ask(context) } else { finish(context, .success(times)) }
    }

    func channelInactive(context: ChannelHandlerContext) { finish(context, .failure(BenchError("the service closed the connection"))) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { finish(context, .failure(error)) }

    private func finish(_ context: ChannelHandlerContext, _ result: Result<[UInt32], any Error>) {
        if isOver { return }
        isOver = true
        done.completeWith(result)
        context.close(promise: nil)
    }

    private func ask(_ context: ChannelHandlerContext) {
        let product = Warehouse.product(for: workload, &random)
        var buffer = context.channel.allocator.buffer(capacity: 1024)
        if workload == .read {
            buffer.writeString("GET /api/v1/products/\(product)\(headers)\r\n")
        } else {
            let body = "{\"orderId\":\"\(Warehouse.newID(&random))\",\"lines\":[{\"productId\":\"\(product)\",\"quantity\":1}]}"
            buffer.writeString("PUT /api/v1/reservations/\(Warehouse.newID(&random))\(headers)")
            buffer.writeString("Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
        }
        asked = .now
        context.writeAndFlush(NIOAny(buffer), promise: nil)
    }

    /// The status and the whole length of the answer, once all of it is there.
    private func answer() -> (status: Int, length: Int)? {
        received.withUnsafeReadableBytes { bytes -> (Int, Int)? in
            guard bytes.count > 12 else { return nil }
            func digit(_ index: Int) -> Int { Int(bytes[index]) - 48 }
            let status = digit(9) * 100 + digit(10) * 10 + digit(11)
            var contentLength = 0
            var line = 0
            var index = 0
            while index + 1 < bytes.count {
                guard bytes[index] == 13, bytes[index + 1] == 10 else {
                    index += 1
                    continue
                }
                if index == line { return bytes.count >= index + 2 + contentLength ? (status, index + 2 + contentLength) : nil }
                // The only header field of that length whose name begins and ends so.
                if index - line > 16, bytes[line + 14] == 58, bytes[line] | 32 == 99, bytes[line + 13] | 32 == 104 {
                    contentLength = 0
                    for place in (line + 15)..<index where bytes[place] != 32 { contentLength = contentLength * 10 + digit(place) }
                }
                index += 2
                line = index
            }
            return nil
        }
    }
}
