internal import HTTPPath
internal import HTTPTypes
internal import NIOCore
internal import ServiceKit

/// The shop as a user sees it: the gateway, over HTTP.
struct Shop: Sendable {
    /// Who asks.
    enum Caller: Hashable, Sendable {
        case anyone
        case shopper(String)
        case `operator`

        var role: Identity.Role {
            switch self {
            case .anyone: .anonymous
            case .shopper: .shopper
            case .operator: .operator
            }
        }

        var subject: String {
            switch self {
            case .anyone: ""
            case .shopper(let name): name
            case .operator: "operator"
            }
        }
    }

    struct Reply: Sendable {
        var status: Int
        var headers: HTTPFields
        var body: ByteBuffer
        /// nil if the body is empty, or is not JSON.
        var json: JSON?

        var isSuccess: Bool { (200..<300).contains(status) }
        var problem: Problem { Problem(status: status, body: body) }
    }

    let upstream: any Upstream
    let address: String
    let keys: KeyRing
    /// What to do when nobody answers.
    let startAdvice: String

    /// Sends a request. Every answer is an answer, whatever its status; throws a `CommandFailure` if there is none.
    func send(
        _ method: HTTPRequest.Method, _ path: String, as caller: Caller = .anyone, headers: HTTPFields = [:], body: JSON? = nil
    ) async throws -> Reply {
        let request = UpstreamRequest(
            method, path, headers: try await authorized(headers, caller), body: body.map { JSONWriter.bytes($0) })
        let response: UpstreamResponse
        do throws(UpstreamError) { response = try await upstream.send(request) } catch { throw failure(error) }
        if response.status == 401, caller != .anyone { throw strangeKey }
        let json = try? JSON.parse(response.body.readableBytesView)
        return Reply(status: response.status, headers: response.headers, body: response.body, json: json)
    }

    /// Sends a body as it is read.
    func stream(
        _ method: HTTPRequest.Method, _ path: String, as caller: Caller, headers: HTTPFields, body: UpstreamBody, maxAnswerBytes: Int
    ) async throws -> Reply {
        let request = UpstreamRequest(method, path, headers: try await authorized(headers, caller))
        let answer: UpstreamStream
        do throws(UpstreamError) { answer = try await upstream.stream(request, body: body) } catch { throw failure(error) }
        if answer.status == 401 { throw strangeKey }
        var bytes = ByteBuffer()
        for try await var chunk in answer.body {
            guard bytes.readableBytes + chunk.readableBytes <= maxAnswerBytes else {
                throw CommandFailure("the answer is longer than \(maxAnswerBytes) bytes")
            }
            bytes.writeBuffer(&chunk)
        }
        return Reply(status: answer.status, headers: answer.headers, body: bytes, json: try? JSON.parse(bytes.readableBytesView))
    }

    private func authorized(_ headers: HTTPFields, _ caller: Caller) async throws -> HTTPFields {
        guard caller != .anyone else { return headers }
        var headers = headers
        headers[.authorization] = "Bearer " + (try await keys.token(of: caller))
        return headers
    }

    /// This program signed in by itself, so a refusal means that the shop has another key.
    private var strangeKey: CommandFailure {
        CommandFailure("the shop at \(address) does not accept tokens signed with \(keys.folder.keys); name its data folder with --data DIR")
    }

    private func failure(_ error: UpstreamError) -> CommandFailure {
        switch error.code {
        case .unreachable: CommandFailure("no shop answers at \(address); \(startAdvice)")
        default: CommandFailure("\(address): \(error.detail)")
        }
    }
}

extension Problem {
    /// For people: `402 card_declined: …`, and below it what is wrong with what.
    var lines: [String] {
        var lines = ["\(status) \(code): \(detail)"]
        lines += errors.map { $0.pointer.isEmpty ? "  \($0.detail)" : "  \($0.pointer): \($0.detail)" }
        // Of `insufficient_stock`.
        for line in extra.first(where: { $0.name == "lines" })?.value.array ?? [] {
            guard let product = line["sku"]?.string ?? line["productId"]?.string, let available = line["available"]?.integer else { continue }
            lines.append("  \(product): \(line["requested"]?.integer ?? 0) wanted, \(available) available")
        }
        return lines
    }

    /// The same as one text for an error message.
    var text: String { Array(lines.joined(separator: "\n").utf8).forTerminal(colours: false, keepLines: true) }
}

extension Identity.Role {
    /// Somebody who buys.
    static let shopper = Identity.Role(rawValue: "shopper")
}
