internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Sends one export until the collector has taken it, it is clear that it never will, or there have been enough tries.
final class OTLPSender: Sendable {
    enum Outcome: Equatable {
        /// How many of the items the collector says it did not take.
        case taken(rejected: Int)
        /// Refused for good; sending it again would be of no use.
        case refused
        case gaveUp
    }

    struct Retries: Sendable {
        /// Requests at most, the first included.
        var attempts = 5
        /// The first wait is up to so long, each later one up to twice as long, at random, so that services do not come back together.
        var base = Duration.seconds(1)
        var cap = Duration.seconds(16)
        /// A collector that asks for more patience than this gets the next batch instead.
        var longestRetryAfter = Duration.seconds(60)
    }

    let target: ExportTarget
    private let transport: any OTLPTransport
    private let retries: Retries
    private let failed: @Sendable (String) -> Void
    private let sleep: @Sendable (Duration) async throws -> Void
    private let nap = Mutex<(task: Task<Void, any Error>?, isHurried: Bool)>((nil, false))

    /// - Parameter failed: called for each request that was not taken, with what kind of failure it was.
    init(
        _ target: ExportTarget, _ transport: any OTLPTransport, retries: Retries = Retries(), failed: @escaping @Sendable (String) -> Void,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.target = target
        self.transport = transport
        self.retries = retries
        self.failed = failed
        self.sleep = sleep
    }

    func send(_ body: ByteBuffer) async -> Outcome {
        var attempt = 0
        while true {
            attempt += 1
            var wait = Duration.zero
            do {
                let answer = try await transport.post(body, to: target)
                switch answer.status {
                case 200..<300: return .taken(rejected: PartialSuccess.rejected(in: answer.body))
                case 429, 502, 503, 504:
                    failed(String(answer.status))
                    wait = answer.retryAfter.map { .seconds($0) } ?? .zero
                default:
                    failed(String(answer.status))
                    return .refused
                }
            } catch {
                if Task.isCancelled { return .gaveUp }
                failed(Self.name(of: error))
            }
            guard attempt < retries.attempts, wait <= retries.longestRetryAfter, !Task.isCancelled else { return .gaveUp }
            let bound = min(retries.cap, retries.base * (1 << min(attempt - 1, 10)))
            await rest(max(wait, bound * Double.random(in: 0...1)))
        }
    }

    /// From now on nobody waits between two tries: the process is about to end.
    func hurry() {
        let task = nap.withLock { nap in
            nap.isHurried = true
            return nap.task
        }
        task?.cancel()
    }

    private func rest(_ time: Duration) async {
        let task = Task { [sleep] in try await sleep(time) }
        let isHurried = nap.withLock { nap in
            nap.task = task
            return nap.isHurried
        }
        if isHurried { task.cancel() }
        _ = await withTaskCancellationHandler {
            await task.result
        } onCancel: {
            task.cancel()
        }
        nap.withLock { $0.task = nil }
    }

    private static func name(of error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError where !error.connectionErrors.isEmpty: "unreachable"
        case is NIOConnectionError: "unreachable"
        case is IOError: "connection"
        default: String(describing: error).contains("deadline") || String(describing: error).contains("imeout") ? "timeout" : "no_answer"
        }
    }
}

/// The part of an `ExportTraceServiceResponse` or `ExportMetricsServiceResponse` that matters.
enum PartialSuccess {
    /// How many items were not taken; 0 also for an answer that cannot be read, whose status said that all is well.
    static func rejected(in body: ByteBuffer) -> Int {
        var reader = ProtobufReader(body)
        while let field = reader.next() {
            guard field.number == 1, case .bytes(let message) = field.value else { continue }
            var inner = ProtobufReader(message)
            while let field = inner.next() {
                if field.number == 1, case .varint(let count) = field.value { return Int(clamping: Int64(bitPattern: count)) }
            }
        }
        return 0
    }
}

/// Reads fields of a message one after the other; what is not well-formed ends it.
struct ProtobufReader {
    enum Value {
        case varint(UInt64)
        case fixed(UInt64)
        case bytes(ByteBuffer)
    }

    private var rest: ByteBuffer

    init(_ buffer: ByteBuffer) { rest = buffer }

    mutating func next() -> (number: Int, value: Value)? {
        guard let tag = varint(), tag >> 3 > 0, tag >> 3 < 1 << 29 else { return nil }
        let number = Int(tag >> 3)
        switch tag & 7 {
        case 0: return varint().map { (number, .varint($0)) }
        case 1: return rest.readInteger(endianness: .little, as: UInt64.self).map { (number, .fixed($0)) }
        case 2:
            guard let length = varint(), length <= UInt64(rest.readableBytes), let slice = rest.readSlice(length: Int(length)) else { return nil }
            return (number, .bytes(slice))
        case 5: return rest.readInteger(endianness: .little, as: UInt32.self).map { (number, .fixed(UInt64($0))) }
        default: return nil
        }
    }

    private mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 70, by: 7) {
            guard let byte = rest.readInteger(as: UInt8.self) else { return nil }
            value |= UInt64(byte & 0x7F) << UInt64(shift)
            if byte & 0x80 == 0 { return value }
        }
        return nil
    }
}
