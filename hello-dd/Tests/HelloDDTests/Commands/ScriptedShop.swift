import HTTPPath
import HTTPTypes
import NIOCore
import Synchronization

@testable import HelloDD

/// A shop that gives prepared answers, in order, and remembers what it was asked.
final class ScriptedShop: Upstream {
    let name = "script"
    private let answers: Mutex<[(status: Int, body: String)]>
    private let requests = Mutex<[String]>([])

    init(_ answers: [(status: Int, body: String)]) { self.answers = Mutex(answers) }

    /// `METHOD path`, and the preconditions and the body, if any, each after a space.
    var seen: [String] { requests.withLock { $0 } }

    /// A connection to it; only `keys` must be given for requests that sign in.
    var shop: Shop { shop(keys: KeyRing(folder: RunFolder(path: "/nowhere"))) }

    func shop(keys: KeyRing) -> Shop { Shop(upstream: self, address: "http://here", keys: keys, startAdvice: "start it") }

    func send(_ request: UpstreamRequest) async throws(UpstreamError) -> UpstreamResponse {
        let parts = [
            request.method.rawValue, request.path, request.headers[.ifMatch].map { "if-match:\($0)" },
            request.headers[.ifNoneMatch].map { "if-none-match:\($0)" },
            request.body.map { String(buffer: $0) },
        ]
        requests.withLock { $0.append(parts.compactMap(\.self).joined(separator: " ")) }
        guard let answer = answers.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) else {
            throw UpstreamError(.unreachable, upstream: name, detail: "gone")
        }
        return UpstreamResponse(status: answer.status, headers: [:], body: ByteBuffer(string: answer.body))
    }

    func stream(_ request: UpstreamRequest, body: UpstreamBody?) async throws(UpstreamError) -> UpstreamStream {
        throw UpstreamError(.unreachable, upstream: name, detail: "no streams")
    }
}
