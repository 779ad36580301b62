import HTTPPath
import HTTPTypes
import Hummingbird
import NIOCore
import ServiceKit
import Synchronization

/// OTLP over HTTP, in protobuf: traces are kept, metrics and logs are read through and counted.
///
/// Every answer of these routes is protobuf too, also a refusal (`google.rpc.Status`), as OTLP says. Whatever is refused with 503 may be
/// sent again; nothing else may.
struct ReceiverRoutes: Sendable {
    let store: TraceStore
    let guardian: HostCheck
    let limits: Limits
    private let inFlight = InFlight()

    struct Limits: Sendable {
        /// Of a body as it comes.
        var bodyBytes: Int
        /// Of a gzip body when it is unpacked.
        var unpackedBytes: Int { bodyBytes * 2 }
        /// Bodies that are held at once: with 4 MiB each, 64 MiB at the worst.
        var batches = 16
    }

    private final class InFlight: Sendable {
        let count = Atomic<Int>(0)
    }

    init(store: TraceStore, guardian: HostCheck, limits: Limits) {
        self.store = store
        self.guardian = guardian
        self.limits = limits
    }

    func add(to routes: Routes) {
        routes.on("POST /v1/traces") { request, context in
            await answer(request, context) { body throws(ProtobufError) in
                let export = try TraceExport(body)
                let dropped = store.add(export)
                let reasons = [
                    export.rejected > 0
                        ? "\(export.rejected) spans without valid ids or longer than \(TraceExport.longestSpan) bytes" : nil,
                    dropped > 0 ? "\(dropped) spans of traces that hold all they may" : nil,
                ]
                return ExportAnswer.taken(
                    rejected: export.rejected + dropped, because: "Not kept: " + reasons.compactMap(\.self).joined(separator: ", ") + ".")
            }
        }
        routes.on("POST /v1/metrics") { request, context in
            await answer(request, context) { body throws(ProtobufError) in
                store.count(dataPoints: try ExportCounts.dataPoints(body))
                return []
            }
        }
        routes.on("POST /v1/logs") { request, context in
            await answer(request, context) { body throws(ProtobufError) in
                store.count(logRecords: try ExportCounts.logRecords(body))
                return []
            }
        }
    }

    private func answer(
        _ request: Request, _ context: ServiceContext, _ take: ([UInt8]) throws(ProtobufError) -> [UInt8]
    ) async -> Response {
        do {
            let count = inFlight.count.add(1, ordering: .relaxed).newValue
            defer { inFlight.count.subtract(1, ordering: .relaxed) }
            guard count <= limits.batches else { throw Problem.unavailable("Too many batches are being read.") }
            try guardian.check(request)
            try request.noQuery()
            try request.requireMediaType("application/x-protobuf")
            let body = try await body(request, context)
            do throws(ProtobufError) {
                return protobuf(try take(body))
            } catch {
                throw Problem(400, "malformed_protobuf", "The body is not the protobuf message of this path: \(error).")
            }
        } catch {
            let problem = Problem(mapping: error)
            var response = protobuf(
                ExportAnswer.refused(status: problem.status, message: problem.detail), status: .init(code: problem.status))
            if let seconds = problem.retryAfterSeconds { response.headers[.retryAfter] = String(seconds) }
            return response
        }
    }

    private func body(_ request: Request, _ context: ServiceContext) async throws -> [UInt8] {
        var context = context
        context.maxBodyBytes = limits.bodyBytes
        let coding = (request.headers[.contentEncoding] ?? "identity").lowercased()
        guard coding == "identity" || coding == "gzip" else {
            throw Problem(415, "unsupported_media_type", "The body must be gzip, or not be packed at all.")
        }
        let bytes = Array(try await request.bytes(context).readableBytesView)
        guard coding == "gzip" else { return bytes }
        do throws(Gzip.Failure) {
            return try Gzip.unpacked(bytes, limit: limits.unpackedBytes)
        } catch {
            switch error {
            case .damaged: throw Problem(400, "malformed_protobuf", "The body is not gzip, or is damaged.")
            case .tooLong: throw Problem(413, "body_too_large", "The unpacked body is longer than \(limits.unpackedBytes) bytes.")
            }
        }
    }

    private func protobuf(_ bytes: [UInt8], status: HTTPResponse.Status = .ok) -> Response {
        .bytes(ByteBuffer(bytes: bytes), type: "application/x-protobuf", status: status)
    }
}
