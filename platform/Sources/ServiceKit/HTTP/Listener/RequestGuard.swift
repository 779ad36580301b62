import HTTPPath
import HTTPTypes
import Hummingbird
import Logging
import Metrics
import NIOCore
import NIOHTTP1
import Telemetry
import Tracing

/// How what is not HTTP is answered, logged and counted: there is no request that the pipeline could see.
struct Refusals: Sendable {
    let headers: SecurityHeaders
    let logger: Logger

    func answer(_ problem: Problem) -> (HTTPResponseHead, ByteBuffer) {
        // There is nothing to continue: a trace of its own, which is recorded nowhere, so that the answer and its line have a common id.
        let span = TelemetryTracer.off.begin("refused")
        let traceID = span.identity.traceID.description
        let body = problem.body(traceID: traceID)
        var fields: HTTPFields = [
            .contentType: Problem.mediaType, .contentLength: String(body.readableBytes), .connection: "close", .correlationID: traceID,
        ]
        headers.add(to: &fields)
        // Whoever sends such things sends many: one line each, and nothing of what was sent in it.
        InstrumentationContext.$current.withValue(span.context) {
            logger.info(
                "refused before it was a request", metadata: ["http.status": .stringConvertible(problem.status), "error": "\(problem.detail)"])
        }
        Timer(
            label: "http.server.request.duration",
            dimensions: [("http.request.method", "_OTHER"), ("http.route", "unknown"), ("http.response.status_code", String(problem.status))]
        ).recordNanoseconds(0)
        return (
            HTTPResponseHead(
                version: .http1_1, status: .init(statusCode: problem.status), headers: HTTPHeaders(fields.map { ($0.name.rawName, $0.value) })),
            body
        )
    }
}

/// Stands behind the parser: answers what is no HTTP with a problem and closes, lets no request pass that can be read in two ways, and
/// lets no answer out that belongs to no request.
final class RequestGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let refusals: Refusals
    private var state = ConnectionState()
    private var linger: Scheduled<Void>?
    /// After its last answer a connection may stay half open so long, for the caller to read it: closing at once, with bytes of the
    /// caller's unread, would reset the connection under the answer.
    private static let lingerTime = TimeAmount.seconds(5)

    init(_ refusals: Refusals) { self.refusals = refusals }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        let action =
            switch part {
            case .head(let head): state.read(head: head)
            case .body: state.readBody()
            case .end: state.readEnd()
            }
        switch action {
        case .pass: context.fireChannelRead(wrapInboundOut(part))
        case .passThenClose:
            context.fireChannelRead(wrapInboundOut(part))
            close(context)
        case .drop: break
        case .refuse(let problem): refuse(problem, context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The decoder's own news of bytes behind its failure carries those bytes.
        guard error is HTTPParserError || error is ByteToMessageDecoderError else { return context.fireErrorCaught(error) }
        switch state.parserFailed(error) {
        case .pass: context.fireErrorCaught(error)
        case .drop: break
        case .refuse(let problem): refuse(problem, context)
        case .close: close(context)
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        var part = unwrapOutboundIn(data)
        let action =
            switch part {
            case .head: state.writeHead()
            case .body: state.writeBody()
            case .end: state.writeEnd()
            }
        if case .drop = action {
            promise?.succeed()
            return
        }
        if case .passAsLast = action, case .head(var head) = part {
            head.headers.replaceOrAdd(name: "Connection", value: "close")
            part = .head(head)
        }
        context.write(wrapOutboundOut(part), promise: promise)
        switch action {
        case .passThenRefuse(let problem): refuse(problem, context)
        case .passThenClose:
            context.flush()
            close(context)
        default: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        linger?.cancel()
        context.fireChannelInactive()
    }

    private func refuse(_ problem: Problem, _ context: ChannelHandlerContext) {
        let (head, body) = refusals.answer(problem)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        close(context)
    }

    /// Says that nothing more comes; the caller's end closes the rest.
    private func close(_ context: ChannelHandlerContext) {
        context.close(mode: .output, promise: nil)
        let channel = context.channel
        linger = context.eventLoop.scheduleTask(in: Self.lingerTime) { channel.close(promise: nil) }
    }
}
