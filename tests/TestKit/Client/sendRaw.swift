public import HTTPTypes
import NIOCore
import NIOPosix
import Resilience

/// One answer as it came over a raw connection.
public struct RawAnswer: Sendable {
    public let status: Int
    public let headers: HTTPFields
    public let body: [UInt8]
}

/// Sends bytes as they are, and reads answers until the other side closes: for what no client library would send.
/// - Parameters:
///   - endsWriting: close this side's half when all is sent, as a caller does that goes away in the middle of a request.
/// - Throws: `TestKitError` where what comes back is no sequence of HTTP answers with their lengths.
public func sendRaw(_ bytes: [UInt8], to port: Int, endsWriting: Bool = false, timeout: Duration = .seconds(300)) async throws -> [RawAnswer] {
    let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .channelOption(.allowRemoteHalfClosure, value: false)
        .connect(host: "127.0.0.1", port: port) { channel in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                    wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
            }
        }
    let received = try await Deadline.none {
        try await withTimeout(timeout) {
            try await channel.executeThenClose { inbound, outbound in
                // The other side may have answered and closed before it has read everything.
                try? await outbound.write(ByteBuffer(bytes: bytes))
                if endsWriting { outbound.finish() }
                var all = ByteBuffer()
                do {
                    for try await part in inbound { all.writeImmutableBuffer(part) }
                } catch is IOError {
                    // Closed hard: what came before it counts.
                }
                return Array(all.readableBytesView)
            }
        }
    }
    return try answers(received)
}

private func answers(_ bytes: [UInt8]) throws -> [RawAnswer] {
    var answers: [RawAnswer] = []
    var rest = bytes[...]
    while !rest.isEmpty {
        guard let end = rest.firstRange(of: Array("\r\n\r\n".utf8)) else { throw TestKitError("an answer's head does not end") }
        let lines = String(decoding: rest[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
        guard let first = lines.first, first.hasPrefix("HTTP/1.1 "), let status = Int(first.dropFirst(9).prefix(3)) else {
            throw TestKitError("no status line: \(lines.first ?? "")")
        }
        var headers = HTTPFields()
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, let name = HTTPField.Name(String(parts[0])) else { throw TestKitError("no header: \(line)") }
            headers.append(HTTPField(name: name, value: String(parts[1].drop { $0 == " " })))
        }
        let length = headers[.contentLength].flatMap { Int($0) } ?? 0
        guard rest.distance(from: end.upperBound, to: rest.endIndex) >= length else { throw TestKitError("an answer's body is cut") }
        answers.append(RawAnswer(status: status, headers: headers, body: Array(rest[end.upperBound..<(end.upperBound + length)])))
        rest = rest[(end.upperBound + length)...]
    }
    return answers
}
