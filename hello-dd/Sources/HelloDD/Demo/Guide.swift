internal import HTTPPath
internal import HTTPTypes
internal import Synchronization

/// What a tour did not expect.
struct Surprise: Error, Hashable, CustomStringConvertible {
    var description: String
}

/// Walks with the visitor: sends the requests, shows them and their answers, and checks what was promised.
final class Guide: Sendable {
    let shop: Shop
    private let style: Style
    private let isBrief: Bool
    private let show: @Sendable (String) -> Void
    private let counts = Mutex((requests: 0, checks: 0))

    /// Lines of a body that are shown; a catalogue is longer than anyone reads.
    private static let mostLines = 40

    init(shop: Shop, style: Style, isBrief: Bool, show: @escaping @Sendable (String) -> Void) {
        self.shop = shop
        self.style = style
        self.isBrief = isBrief
        self.show = show
    }

    var requests: Int { counts.withLock { $0.requests } }
    var checks: Int { counts.withLock { $0.checks } }

    func chapter(_ title: String, _ text: String) {
        show("")
        show(style.paint("── \(title)", .strong))
        show(style.paint("   \(text)", .quiet))
    }

    /// Sends a request, and throws a `Surprise` if the answer has another status than expected.
    @discardableResult
    func ask(
        _ method: HTTPRequest.Method, _ path: String, as caller: Shop.Caller = .anyone, headers: HTTPFields = [:], body: JSON? = nil,
        expecting status: Int...
    ) async throws -> Shop.Reply {
        counts.withLock { $0.requests += 1 }
        let who = caller == .anyone ? "" : style.paint("   as \(caller.subject)", .quiet)
        show("")
        show("\(style.paint("→ \(method.rawValue) \(path)", .strong))\(who)")
        for field in headers { show(style.paint("  \(field.name.canonicalName): \(field.value)", .quiet)) }
        if let body { show(indented(body)) }
        let reply = try await shop.send(method, path, as: caller, headers: headers, body: body)
        let isExpected = status.contains(reply.status)
        let replayed = reply.headers[.idempotencyReplayed].map { "   Idempotency-Replayed: \($0)" } ?? ""
        show(style.paint("← \(reply.status)\(replayed)", isExpected ? .good : .bad))
        if let json = reply.json, !isBrief || !isExpected { show(indented(json)) }
        guard isExpected else {
            throw Surprise(
                description: "\(method.rawValue) \(path) answered \(reply.status), not \(status.map(String.init).joined(separator: " or "))")
        }
        return reply
    }

    /// Says what is to be seen in the last answers, and throws a `Surprise` if it is not there.
    func see(_ what: String, _ isSo: Bool) throws {
        counts.withLock { $0.checks += 1 }
        guard isSo else { throw Surprise(description: "it is not so that \(what)") }
        show(style.paint("  ✓ \(what)", .good))
    }

    private func indented(_ json: JSON) -> String {
        let lines = json.pretty().split(separator: "\n")
        var shown = lines.prefix(Self.mostLines).map { "  \($0)" }
        if lines.count > Self.mostLines { shown.append("  … \(lines.count - Self.mostLines) more lines") }
        return shown.joined(separator: "\n")
    }
}
