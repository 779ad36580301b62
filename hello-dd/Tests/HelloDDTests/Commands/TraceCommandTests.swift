import Foundation
import HTTPPath
import TestKit
import Testing

@testable import HelloDD

/// The program against the real console, which runs alone.
@Suite(.serialized)
struct TraceCommandTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"

    /// An `ExportTraceServiceRequest` as OpenTelemetry's Python kit writes it: an order `o-1` of two spans, one of which failed.
    private static let message =
        "Ct4BCh8KHQoMc2VydmljZS5uYW1lEg0KC2FwaS1nYXRld2F5EroBEl0KEEv5LzV3s02mo86SnQ4ORzYSCAAAAAAAAAABKhNQT1NUIC9hcGkvdjEvb3JkZXJz"
        + "MAI5ACBDA6j86hhBAHqlBaj86hhKFgoNc2hvcC5vcmRlci5pZBIFCgNvLTESWQoQS/kvNXezTaajzpKdDg5HNhIIAAAAAAAAAAIiCAAAAAAAAAABKhFhdXRo"
        + "b3Jpc2UgcGF5bWVudDmAttsDqPzqGEEATXQEqPzqGHoMEghkZWNsaW5lZBgC"

    /// Sends a message as anybody would.
    private static let sender = """
        import base64, sys, urllib.request
        request = urllib.request.Request(sys.argv[1], base64.b64decode(sys.argv[2]), {"Content-Type": "application/x-protobuf"})
        assert urllib.request.urlopen(request).status == 200
        """

    private func withConsole(_ body: (_ data: String, _ program: (String...) async throws -> CommandResult) async throws -> Void) async throws {
        try await withTemporaryFolder { folder in
            let data = "\(folder)/data"
            func run(_ arguments: [String]) async throws -> CommandResult { try await runCommand(FakeShop.program, arguments + ["--data", data]) }
            let up = try await run(["up", "console", "--detach", "--console-port", "0", "--otlp-port", "0"])
            try #require(up.code == 0, "\(up.output)\(up.errors)")
            let result: Result<Void, any Error>
            do { result = .success(try await body(data) { (arguments: String...) in try await run(arguments) }) } catch { result = .failure(error) }
            #expect(try await run(["down"]).code == 0)
            try result.get()
        }
    }

    @Test("a trace is shown by its id, as the latest, and by its order; as text and as it came")
    func shows() async throws {
        try await withConsole { data, program in
            let empty = try await program("trace", "--last", "--wait", "0")
            #expect(empty.code == 1)
            #expect(empty.errors == "Error: the console has no traces yet; use the shop, and ask again\n")

            let status = try JSONDecoder().decode(StatusReport.self, from: Data(try await program("status", "--json").output.utf8))
            let endpoint = try #require(status.console?.otlpEndpoint)
            let sent = try await runCommand("python3", ["-c", Self.sender, "\(endpoint)/v1/traces", Self.message])
            try #require(sent.code == 0, "\(sent.errors)")

            let last = try await program("trace", "--last", "--width", "80")
            #expect(last.code == 0, "\(last.errors)")
            let lines = last.output.split(separator: "\n")
            #expect(lines.first == "POST /api/v1/orders  api-gateway")
            #expect(lines.contains("order o-1"))
            #expect(lines.contains { $0.hasPrefix("└ ✗ authorise payment ") })
            #expect(lines.contains("✗ api-gateway: authorise payment: declined"))
            #expect(lines.last == "\(status.console?.url ?? "")/#/traces/\(Self.trace)")
            #expect(!last.output.contains("\u{1B}"), "no colours where there is no terminal")

            #expect(try await program("trace", Self.trace.uppercased(), "--width", "80").output == last.output)
            #expect(try await program("trace", "--order", "o-1", "--width", "80").output == last.output)
            #expect(try await program("trace", "--last", "--errors", "--width", "80").output == last.output)
            let list = try await program("trace")
            #expect(list.output.contains(Self.trace) && list.output.contains("error"))
            let json = try JSON.parse(Array(try await program("trace", Self.trace, "--json").output.utf8))
            #expect(json["spans"]?.array?.count == 2)
            let orders = try JSON.parse(Array(try await program("trace", "--order", "o-1", "--json").output.utf8))
            #expect(orders.array?.count == 1)
        }
    }

    @Test("what is not there is one line that says so")
    func missing() async throws {
        try await withConsole { data, program in
            let unknown = try await program("trace", String(repeating: "a", count: 32), "--wait", "0")
            #expect(unknown.code == 1)
            #expect(unknown.errors.hasPrefix("Error: the console has no trace aaaa"))
            let order = try await program("trace", "--order", "none", "--wait", "0")
            #expect(order.errors.hasPrefix("Error: the console has no trace of order none"))
            let elsewhere = try await program("trace", "--last", "--url", "http://127.0.0.1:9")
            #expect(elsewhere.errors.hasPrefix("Error: no console answers at http://127.0.0.1:9"))
            for arguments in [["nonsense"], ["--last", "--order", "x"], ["--errors", "--order", "x"], ["--wait", "-1"], ["--width", "5"]] {
                #expect(try await runCommand(FakeShop.program, ["trace"] + arguments).code == 64)
            }
        }
    }

    @Test("without a shop, and in a shop without the console, that is what is said")
    func without() async throws {
        let shop = try FakeShop()
        let down = try await shop.run(["trace", "--last", "--data", shop.data])
        #expect(down.code == 1)
        #expect(down.errors.hasPrefix("Error: not running (data: "))
        #expect(try await shop.up("inventory").code == 0)
        let without = try await shop.run(["trace", "--last", "--data", shop.data])
        #expect(without.errors.hasPrefix("Error: this shop runs without the console"))
        try await shop.down()
    }
}
