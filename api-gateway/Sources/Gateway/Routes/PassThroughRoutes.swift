import HTTPPath
import HTTPTypes
import Hummingbird
import NIOCore
import ServiceKit

extension Routes {
    /// What operators do in the services behind the gateway: forwarded as it is, in both directions as it comes, with the gateway's
    /// token and the operator's subject.
    func addPassThrough(inventory: any Upstream, pricing: any Upstream) {
        for key in [
            "POST /api/v1/products", "PUT /api/v1/products/{id}", "PATCH /api/v1/products/{id}", "DELETE /api/v1/products/{id}",
            "GET /api/v1/products/low-stock", "GET /api/v1/products/{id}/stock", "POST /api/v1/products/{id}/stock/adjustments",
            "GET /api/v1/stock/movements",
        ] as [RouteKey] {
            on(key) { request, context in try await forward(request, to: inventory) }
        }
        on("POST /api/v1/products/import", .streaming) { request, context in try await forward(request, to: inventory) }
        for key in [
            "POST /api/v1/quotes", "GET /api/v1/prices/{id}", "PUT /api/v1/prices/{id}", "GET /api/v1/prices/{id}/history",
            "GET /api/v1/discounts", "POST /api/v1/discounts", "GET /api/v1/discounts/{code}", "PUT /api/v1/discounts/{code}",
            "DELETE /api/v1/discounts/{code}", "GET /api/v1/exchange-rates", "PUT /api/v1/exchange-rates", "GET /api/v1/tax-rules",
            "PUT /api/v1/tax-rules",
        ] as [RouteKey] {
            on(key) { request, context in try await forward(request, to: pricing) }
        }
    }
}

private func forward(_ request: Request, to upstream: any Upstream) async throws -> Response {
    var headers = request.headers
    for name in HTTPFields.hopByHop { headers[name] = nil }
    // The caller's credentials end here, and so do the headers that the call itself sets.
    for name in [.authorization, .cookie, .contentLength, .onBehalfOf, .expect] as [HTTPField.Name] { headers[name] = nil }
    let hasBody = request.headers[.contentLength].map { $0 != "0" } ?? (request.headers[.transferEncoding] != nil)
    let path = request.uri.path + (request.uri.query.map { "?\($0)" } ?? "")
    let answer = try await upstream.stream(UpstreamRequest(request.method, path, headers: headers), body: hasBody ? request.body : nil)
    if answer.status == 401 || answer.status == 403 {
        throw UpstreamError(.badAnswer, upstream: upstream.name, detail: "it refused this service's token")
    }
    let length = answer.headers[.contentLength].flatMap(Int.init)
    let body = answer.body
    return Response(
        status: HTTPResponse.Status(code: answer.status), headers: answer.headers,
        body: answer.status == 204 || answer.status == 304
            ? ResponseBody()
            : ResponseBody(contentLength: length) { writer in
                for try await chunk in body { try await writer.write(chunk) }
                try await writer.finish(nil)
            })
}
