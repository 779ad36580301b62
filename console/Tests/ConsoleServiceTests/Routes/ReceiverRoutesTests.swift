import HTTPPath
import HTTPTypes
import TestKit
import Testing

@testable import ConsoleService

struct ReceiverRoutesTests {
    @Test("what is sent is there to be seen, and the answer is an empty message")
    func taken() async throws {
        try await withConsole { service in
            let answer = try await service.client.export(
                exportMessage("api-gateway", [SpanSketch(id: 1, name: "GET /"), SpanSketch(id: 2, parent: 1)]))
            answer.expect(200)
            #expect(answer.body == [])
            #expect(answer.header("Content-Type") == "application/x-protobuf")
            let trace = try await service.client.get("/api/v1/traces/\(SpanSketch.traceText(1))").expect(200).json
            #expect(trace["spans"]?.array?.map { $0["depth"]?.integer } == [0, 1])
        }
    }

    @Test("spans that are not kept are a partial success, with their number and the reason")
    func partial() async throws {
        try await withConsole { service in
            let scope = Message(.message(2, Message(.text(5, "no ids"))), .message(2, SpanSketch(id: 1).message))
            let answer = try await service.client.export(Message(.message(1, Message(.message(2, scope)))).bytes).expect(200)
            var reader = ProtobufReader(answer.body[...])
            let partial = try #require(try reader.next()?.value.bytes)
            var inner = ProtobufReader(partial)
            #expect(try inner.next()?.value.varint == 1)
            #expect(try inner.next()?.value.string?.contains("without valid ids") == true)
        }
    }

    @Test("what is no message is refused with 400 and google.rpc.Status, on each path", arguments: ["traces", "metrics", "logs"])
    func garbage(signal: String) async throws {
        try await withConsole { service in
            for body in [[0x0A, 0xFF], Array("{\"resourceSpans\": []}".utf8), [0x0A, 0x02, 0x12, 0x7F]] as [[UInt8]] {
                let answer = try await service.client.export(body, to: "/v1/\(signal)").expect(400)
                #expect(answer.header("Content-Type") == "application/x-protobuf")
                #expect(answer.refusal.code == 3)
                #expect(answer.refusal.message?.isEmpty == false)
            }
        }
    }

    @Test("an empty message is a message", arguments: ["traces", "metrics", "logs"])
    func empty(signal: String) async throws {
        try await withConsole { service in _ = try await service.client.export([], to: "/v1/\(signal)").expect(200) }
    }

    @Test("JSON, and packing that it does not know, are refused with 415")
    func mediaTypes() async throws {
        try await withConsole { service in
            let json = try await service.client.post("/v1/traces", json: "{}").expect(415)
            #expect(json.refusal.code == 3)
            try await service.client.export([], headers: [.contentEncoding: "zstd"]).expect(415)
            try await service.client.export([], headers: [.contentEncoding: "identity"]).expect(200)
        }
    }

    @Test("a gzip body is unpacked; one that is damaged is refused")
    func gzip() async throws {
        try await withConsole { service in
            // `gzip -9n` of a request with an empty resource_spans: 0A 00.
            let packed: [UInt8] = [
                0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xE3, 0x62, 0x00, 0x00, 0x75, 0xFA, 0x36, 0xBB, 0x02, 0x00, 0x00,
                0x00,
            ]
            try await service.client.export(packed, headers: [.contentEncoding: "gzip"]).expect(200)
            let damaged = try await service.client.export(Array(packed.dropLast()), headers: [.contentEncoding: "gzip"]).expect(400)
            #expect(damaged.refusal.message?.contains("gzip") == true)
        }
    }

    @Test("a body over the bound is refused with 413")
    func tooLong() async throws {
        try await withConsole { service in
            let answer = try await service.client.export([UInt8](repeating: 0, count: (4 << 20) + 1)).expect(413)
            #expect(answer.refusal.code == 8)
        }
    }

    @Test("metrics and logs are counted")
    func counted() async throws {
        try await withConsole { service in
            let points = Message(.message(1, Message(.fixed64(3, 1))), .message(1, Message(.fixed64(3, 1))))
            let metrics = Message(.message(1, Message(.message(2, Message(.message(2, Message(.message(7, points))))))))
            try await service.client.export(metrics.bytes, to: "/v1/metrics").expect(200)
            let logs = Message(.message(1, Message(.message(2, Message(.message(2, Message(.text(5, "a"))))))))
            try await service.client.export(logs.bytes, to: "/v1/logs").expect(200)
            let intake = try await service.client.get("/api/v1/intake").expect(200).json
            #expect(intake["metricDataPoints"] == 2)
            #expect(intake["logRecords"] == 1)
            #expect(intake["receivedSpans"] == 0)
        }
    }

    @Test("the receiver's own port answers the same")
    func ownPort() async throws {
        // Chosen by chance: a port that another process takes in between fails the start, and another one is tried.
        var tries = 0
        while true {
            tries += 1
            let port = Int.random(in: 20_000...31_000)
            do {
                try await withConsole(settings: ["CONSOLE_OTLP_PORT": String(port)]) { service in
                    let receiver = TestClient(service: "console", port: port, tokens: service.client.tokens)
                    try await receiver.export(exportMessage("a", [SpanSketch(id: 1)])).expect(200)
                    let list = try await service.client.get("/api/v1/traces").expect(200).json
                    #expect(list["items"]?.array?.count == 1)
                }
                return
            } catch {
                if tries == 20 { throw error }
            }
        }
    }
}
