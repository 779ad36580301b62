import HTTPPath
import HTTPTypes
import Hummingbird
import NIOCore
import ServiceKit
import Telemetry

extension Routes {
    /// What operators do in the services behind the gateway: forwarded as it is, in both directions as it comes, with the gateway's
    /// token and the operator's subject.
    func addPassThrough(inventory: any Upstream, pricing: any Upstream) {
        for key in [
            "POST /api/v1/products", "PUT /api/v1/products/{id}", "PATCH /api/v1/products/{id}", "DELETE /api/v1/products/{id}",
            "GET /api/v1/products/low-stock", "GET /api/v1/products/{id}/stock", "POST /api/v1/products/{id}/stock/adjustments",
            "GET /api/v1/stock/movements",
        ] as [RouteKey] {
            on(key) { request, context in try await forward(key, request, context, to: inventory) }
        }
        on("POST /api/v1/products/import", kind: .streaming) { request, context in
            try await forward(request, context, "/api/v1/products/import", body: .stream, to: inventory)
        }
        for key in [
            "POST /api/v1/quotes", "GET /api/v1/prices/{productId}", "PUT /api/v1/prices/{productId}", "GET /api/v1/prices/{productId}/history",
            "GET /api/v1/discounts", "POST /api/v1/discounts", "GET /api/v1/discounts/{code}", "PUT /api/v1/discounts/{code}",
            "DELETE /api/v1/discounts/{code}", "GET /api/v1/exchange-rates", "PUT /api/v1/exchange-rates", "GET /api/v1/tax-rules",
            "PUT /api/v1/tax-rules", "GET /api/v1/cache/stats", "POST /api/v1/cache/invalidate",
        ] as [RouteKey] {
            on(key) { request, context in try await forward(key, request, context, to: pricing) }
        }
    }
}

private func forward(_ key: RouteKey, _ request: Request, _ context: ServiceContext, to upstream: any Upstream) async throws -> Response {
    // What is no text at all is refused here: a client library may make something else of it on the way.
    for segment in key.path.split(separator: "/") where segment.hasPrefix("{") { _ = try context.path(String(segment.dropFirst().dropLast())) }
    return try await forward(request, context, key.path, body: .whole, to: upstream)
}

/// How a request's body goes on.
private enum Forwarding {
    /// Read first, bounded in bytes and time, so that no half of it is ever sent.
    case whole
    /// As it comes, with back-pressure; without a bound but the callee's.
    case stream
}

private func forward(
    _ request: Request, _ context: ServiceContext, _ template: String, body: Forwarding, to upstream: any Upstream
) async throws -> Response {
    let path = request.uri.path + (request.uri.query.map { "?\($0)" } ?? "")
    var call = UpstreamRequest(request.method, path, template: template, headers: request.headers.forwarded(for: context.clientAddress))
    if context.identity == .anonymous {
        // A key belongs to a caller, and callers without a name must not get each other's answers: theirs is checked, and counts for nothing.
        _ = try Idempotency.key(request, required: false)
        call.headers[.idempotencyKey] = nil
    }
    var stream: WatchedBody?
    switch body {
    case .whole:
        let bytes = try await request.bytes(context)
        // Set afterwards: a missing Content-Type is for the callee to refuse, and not to be made up here.
        if bytes.readableBytes > 0 { call.body = bytes }
    case .stream: stream = WatchedBody(base: request.body)
    }
    let answer: UpstreamStream
    do {
        answer = try await upstream.stream(call, body: stream)
    } catch {
        await stream?.close()
        // That the caller's own body broke off is no fault of the service's.
        if let failure = stream?.failure { throw failure }
        throw error
    }
    if answer.status == 401 || answer.status == 403 {
        await stream?.close()
        throw UpstreamError(.badAnswer, upstream: upstream.name, detail: "it refused this service's token")
    }
    let length = answer.headers[.contentLength].flatMap(Int.init)
    let (body, sent) = (answer.body, stream)
    return Response(
        status: HTTPResponse.Status(code: answer.status), headers: answer.headers,
        body: answer.status == 204 || answer.status == 304
            ? ResponseBody()
            : ResponseBody(contentLength: length) { writer in
                for try await chunk in body { try await writer.write(chunk) }
                try await writer.finish(nil)
                // The answer may have come before the caller's body has ended, and what is left of that is read elsewhere from here on.
                await sent?.close()
            })
}

extension HTTPFields {
    /// What of a request's headers goes on: neither what concerns this connection only, by the standard or by `Connection` itself, nor
    /// the caller's credentials, which end here, nor what the call sets. What a caller says of itself in `Forwarded` and `X-Forwarded-…` is
    /// replaced by what is known.
    fileprivate func forwarded(for client: String?) -> HTTPFields {
        var headers = self
        let named = self[values: .connection].flatMap { $0.split(separator: ",") }.compactMap {
            HTTPField.Name(String($0.filter { $0 != " " && $0 != "\t" }))
        }
        // Of a trace goes on what this service made of it, and not what it was told: two spans would claim the same parent.
        for name in HTTPFields.hopByHop.union(named).union(PropagationHeader.fields) { headers[name] = nil }
        for name in [.authorization, .cookie, .contentLength, .onBehalfOf, .expect] as [HTTPField.Name] { headers[name] = nil }
        headers.removeAll { $0.name.canonicalName == "forwarded" || $0.name.canonicalName.hasPrefix("x-forwarded-") }
        if let client { headers[.xForwardedFor] = client }
        return headers
    }
}

extension HTTPField.Name {
    fileprivate static let xForwardedFor = HTTPField.Name("X-Forwarded-For")!
}
