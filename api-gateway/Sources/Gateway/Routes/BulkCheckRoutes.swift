import HTTPPath
import Hummingbird
import InventoryAPI
import NIOCore
import PricingAPI
import Resilience
import ServiceKit

extension Routes {
    func addBulkCheck(_ views: ProductViews) {
        on("POST /api/v1/products/bulk-check") { request, context in
            try request.noQuery()
            let (lines, currency) = try await request.json(context) { fields in
                (
                    fields.list("items", 1...BulkCheck.mostLines) { line in
                        BulkCheck.Line(
                            reference: line.parsed("productId", expected: "a product's id or SKU") { ProductReference($0)?.description } ?? "",
                            quantity: line.integer("quantity", 1...1_000_000))
                    },
                    fields.optionalParsed("currency", expected: "a currency code such as USD", Currency.init)
                )
            }
            let check = BulkCheck(views: views, lines: lines, currency: currency)
            if request.preferredMediaType(of: ["application/json", "application/x-ndjson"]) == "application/x-ndjson" {
                return try await stream(check)
            }
            var (all, isDegraded): ([ByteBuffer], Bool) = ([], false)
            try await check.forEachChunk { chunk in
                all += chunk.lines
                isDegraded = isDegraded || chunk.isDegraded
            }
            let (items, degraded) = (all, isDegraded)
            return .json(
                bytes: JSONWriter.object { json in
                    json.field("items", array: { json in for item in items { json.raw(item) } })
                    if degraded { json.field("degraded", ["pricing"]) }
                }, headers: [.vary: "Accept"])
        }
    }
}

/// One object a line, written as soon as it is known. The first chunk is looked up before the status is sent, so that what is wrong from the
/// beginning is an answer of its own; what goes wrong later ends the stream without its last chunk, so that a part is not taken for the whole.
private func stream(_ check: BulkCheck) async throws -> Response {
    let first = try await check.chunk(0)
    let deadline = Deadline.current ?? .after(.seconds(60))
    return Response(
        status: .ok, headers: [.contentType: "application/x-ndjson", .vary: "Accept"],
        body: ResponseBody { writer in
            try await writer.write(ndjson(first))
            try await Deadline.with(deadline) {
                try await check.forEachChunk(from: 1) { try await writer.write(ndjson($0)) }
            }
            try await writer.finish(nil)
        })
}

private func ndjson(_ chunk: BulkCheck.Chunk) -> ByteBuffer {
    var bytes = ByteBuffer()
    for line in chunk.lines {
        bytes.writeImmutableBuffer(line)
        bytes.writeInteger(UInt8(ascii: "\n"))
    }
    return bytes
}
