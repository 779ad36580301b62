import HTTPPath
import HTTPTypes
import NIOCore
import Resilience
import TestKit
import Testing

@Suite("ResilientUpstream")
struct ResilientUpstreamTests {
    /// A service of replicas that do what a test wrote down.
    private func service(_ replicas: [String: FakeUpstream], _ change: (inout CallPolicy) -> Void = { _ in }) -> ResilientUpstream {
        var policy = CallPolicy()
        // No bound that a busy machine could miss, and no wait that counts.
        (policy.deadline, policy.attemptTimeout, policy.hedge) = (.seconds(600), .seconds(600), nil)
        policy.retry.backoff = Backoff(base: .nanoseconds(1), cap: .nanoseconds(1))
        policy.breaker?.slowAfter = .seconds(600)
        change(&policy)
        let endpoints = Endpoints(replicas.keys.sorted().map { ServiceAddress($0) })
        return ResilientUpstream(CallPipeline("parts", policy), endpoints) { replicas[$0.baseURL]! }
    }

    private func failure(_ body: () async throws(UpstreamError) -> some Any) async -> UpstreamError? {
        do throws(UpstreamError) {
            _ = try await body()
            return nil
        } catch { return error }
    }

    private static let ok = FakeUpstream.Step.json(200, ["ok": true])

    @Test("an idempotent request is sent again, to another replica, and the answer comes out")
    func retry() async throws {
        let dead = FakeUpstream("a") { _ in .fail(.unreachable) }
        let well = FakeUpstream("b") { _ in Self.ok }
        let service = service(["http://a": dead, "http://b": well])
        for _ in 0..<100 {
            let answer = try await service.send(UpstreamRequest(.get, "/"))
            #expect(answer.status == 200)
        }
        // Left out after five failures in a row; each was followed by one attempt at the other.
        #expect(dead.calls.count == 5)
        #expect(well.calls.count == 100)
    }

    @Test(
        "what is not idempotent is sent once",
        arguments: [
            UpstreamRequest(.post, "/"), UpstreamRequest(.patch, "/"), UpstreamRequest(.put, "/", headers: [.ifMatch: "\"1\""]),
            UpstreamRequest(.delete, "/", headers: [.ifMatch: "\"1\""]),
        ])
    func once(_ request: UpstreamRequest) async {
        let replica = FakeUpstream("a") { _ in .fail(.interrupted) }
        let error = await failure { () throws(UpstreamError) in try await service(["http://a": replica]).send(request) }
        #expect(error?.code == .interrupted)
        #expect(replica.calls.count == 1)
    }

    @Test(
        "a method that is idempotent, a key, or a question in a body makes it safe to send again",
        arguments: [
            UpstreamRequest(.get, "/"), UpstreamRequest(.put, "/"), UpstreamRequest(.delete, "/"),
            UpstreamRequest(.post, "/", headers: [.idempotencyKey: "k"]),
        ])
    func again(_ request: UpstreamRequest) async throws {
        let replica = FakeUpstream("a", script: [.fail(.interrupted), Self.ok])
        let answer = try await service(["http://a": replica]).send(request)
        #expect(answer.status == 200)
        #expect(replica.calls.map(\.request.resendCount) == [0, 1])
        var question = UpstreamRequest(.post, "/")
        question.isRead = true
        #expect(question.isIdempotent)
    }

    @Test(
        "an answer with an error status is tried again where that may help, and handed on as it came where it does not",
        arguments: [
            (500, 3), (502, 3), (503, 3), (429, 3), (404, 1), (409, 1), (422, 1), (400, 1), (501, 1), (304, 1),
        ])
    func statuses(status: Int, attempts: Int) async throws {
        let replica = FakeUpstream("a") { _ in .json(status, ["code": "some"]) }
        let answer = try await service(["http://a": replica]).send(UpstreamRequest(.get, "/"))
        #expect(answer.status == status)
        #expect(replica.calls.count == attempts)
    }

    @Test("what an earlier attempt may have done is not forgotten when the last one was never sent")
    func mayHaveExecuted() async {
        let replica = FakeUpstream("a", script: [.fail(.timeout), .fail(.unreachable), .fail(.unreachable)])
        let error = await failure { () throws(UpstreamError) in try await service(["http://a": replica]).send(UpstreamRequest(.put, "/")) }
        #expect(error?.code == .unreachable)
        #expect(error?.mayHaveExecuted == true)
        let dead = FakeUpstream("a") { _ in .fail(.unreachable) }
        let never = await failure { () throws(UpstreamError) in try await service(["http://a": dead]).send(UpstreamRequest(.put, "/")) }
        #expect(never?.mayHaveExecuted == false)
    }

    @Test("a refusal of its own was never sent, and says when to ask again")
    func refused() async {
        let replica = FakeUpstream("a") { _ in Self.ok }
        let service = service(["http://a": replica])
        service.pipeline.breaker.set(.forcedOpen)
        let error = await failure { () throws(UpstreamError) in try await service.send(UpstreamRequest(.get, "/")) }
        #expect(error?.code == .rejected)
        #expect(error?.mayHaveExecuted == false)
        #expect(error?.retryAfter == .seconds(5))
        #expect(replica.calls.isEmpty)
    }

    @Test("it is known beforehand whether a call would be refused")
    func refusing() {
        let service = service(["http://a": FakeUpstream("a") { _ in Self.ok }]) { $0.concurrency?.least = 1 }
        #expect(!service.isRefusing)
        service.pipeline.breaker.set(.forcedOpen)
        #expect(service.isRefusing)
        service.pipeline.breaker.set(.disabled)
        #expect(!service.isRefusing)
        service.pipeline.update { ($0.concurrency!.least, $0.concurrency!.initial, $0.concurrency!.most) = (1, 1, 1) }
        let place = try? service.pipeline.limit.enter()
        #expect(service.isRefusing)
        place?.leave(.ignored)
        #expect(!service.isRefusing)
    }

    @Test("replicas that turn calls away are not left out: their load must not fall on the others")
    func shedding() async throws {
        let busy = FakeUpstream("a") { _ in .json(503, ["code": "overloaded"]) }
        let service = service(["http://a": busy, "http://b": FakeUpstream("b") { _ in Self.ok }]) { $0.breaker = nil }
        for _ in 0..<100 { _ = try await service.send(UpstreamRequest(.post, "/")) }
        #expect(!service.endpoints.snapshot.endpoints.contains { $0.isOut(.now) })
    }

    @Test("a streamed body is sent once, and a stream without one again before its answer's head came")
    func streams() async throws {
        let replica = FakeUpstream("a", script: [.fail(.interrupted), Self.ok, .fail(.interrupted)])
        let service = service(["http://a": replica])
        let answer = try await service.stream(UpstreamRequest(.get, "/"), body: nil)
        #expect(answer.status == 200)
        let (body, continuation) = AsyncThrowingStream<ByteBuffer, any Error>.makeStream()
        continuation.finish()
        let error = await failure { () throws(UpstreamError) in try await service.stream(UpstreamRequest(.put, "/"), body: body) }
        #expect(error?.code == .interrupted)
        #expect(replica.calls.count == 3)
    }

    @Test("addresses that come and go are followed")
    func update() async throws {
        let (a, b) = (FakeUpstream("a") { _ in Self.ok }, FakeUpstream("b") { _ in Self.ok })
        let service = service(["http://a": a, "http://b": b])
        service.update([ServiceAddress("http://b")])
        for _ in 0..<20 { _ = try await service.send(UpstreamRequest(.get, "/")) }
        #expect(a.calls.isEmpty && b.calls.count == 20)
        service.update([])
        _ = try await service.send(UpstreamRequest(.get, "/"))
        #expect(b.calls.count == 21)
    }

    @Test("a name of several addresses stands for as many replicas; one address, an address, https and localhost stay as they are")
    func resolving() async {
        struct Book: NameResolver {
            func addresses(of host: String) async -> [String] {
                switch host {
                case "parts": ["10.0.0.1", "10.0.0.2"]
                case "six": ["2001:db8::1", "2001:db8::2"]
                case "one": ["10.0.0.9"]
                default: []
                }
            }
        }
        func expand(_ urls: String...) async -> [ServiceAddress] { await Book().expand(urls.map { ServiceAddress($0) }) }
        let parts = await expand("http://parts:8001/")
        #expect(parts == [ServiceAddress("http://10.0.0.1:8001", host: "parts:8001"), ServiceAddress("http://10.0.0.2:8001", host: "parts:8001")])
        let six = await expand("http://six")
        #expect(six.map(\.baseURL) == ["http://[2001:db8::1]:80", "http://[2001:db8::2]:80"])
        #expect(six[0].host == "six")
        for url in ["http://one:80", "http://gone:80", "https://parts", "http://10.1.1.1:8001", "http://[::1]:8001", "http://localhost:8001"] {
            let same = await expand(url)
            #expect(same == [ServiceAddress(url)])
        }
    }

    @Test("the system resolves what is in its own table")
    func system() async {
        let found = await SystemResolver().addresses(of: "127.0.0.1")
        #expect(found == ["127.0.0.1"])
        let none = await SystemResolver().addresses(of: "no-such-name.invalid")
        #expect(none.isEmpty)
    }
}
