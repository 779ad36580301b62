import AsyncHTTPClient
import Basics
import Foundation
import HTTPPath
import HTTPTypes
import NIOCore
import Resilience
import ServiceKit
import TestKit
import Testing

/// The whole shop as real processes under the real supervisor, in a folder and on ports of its own.
struct RunningShop: Sendable {
    static let programs = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()

    let folder: URL
    let gateway: HTTPUpstream
    private let signer: TokenSigner

    /// Starts a shop, hands it over, and stops it whatever happens.
    /// - Parameters:
    ///   - console: which ports it gets; by default there is none.
    ///   - arguments: more of `hello-dd up`.
    static func with(console: [String] = ["--no-console"], _ arguments: [String] = [], _ body: (RunningShop) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "shop-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        // Patient: a caller that is slow on a busy machine is not what these tests are about.
        let client = HTTPClient.forServices(connectTimeout: .seconds(60))
        let up = try await command(
            folder, ["up", "--detach", "--gateway-port", "0", "--inventory-port", "0", "--pricing-port", "0"] + console + arguments)
        try #require(up.code == 0, "\(up.output)\(up.errors)")
        let result: Result<Void, any Error>
        do {
            let status = try await status(folder)
            let port = try #require(status.first { $0.name == "api-gateway" }?.port)
            let gateway = HTTPUpstream(name: "gateway", baseURL: "http://127.0.0.1:\(port)", client: client, timeout: .seconds(60))
            let signer = try await LocalKeys(folder: folder.appending(path: "keys").path()).signer(.users)
            result = .success(try await body(RunningShop(folder: folder, gateway: gateway, signer: signer)))
        } catch {
            result = .failure(error)
        }
        _ = try? await command(folder, "down", "--now")
        try? await client.shutdown()
        try? FileManager.default.removeItem(at: folder)
        try result.get()
    }

    @discardableResult
    static func command(_ folder: URL, _ arguments: String...) async throws -> CommandResult { try await command(folder, arguments) }

    static func command(_ folder: URL, _ arguments: [String]) async throws -> CommandResult {
        try await runCommand(programs.appending(path: "hello-dd").path(), arguments + ["--data", folder.path()])
    }

    struct ServiceStatus: Sendable {
        let name: String
        let port: Int
        let pid: pid_t?
        let isReady: Bool
    }

    static func status(_ folder: URL) async throws -> [ServiceStatus] {
        let json = try JSON.parse(Array(try await command(folder, "status", "--json").output.utf8))
        return (json["services"]?.array ?? []).compactMap { service in
            guard let name = service["service"]?.string, let port = service["port"]?.integer else { return nil }
            return ServiceStatus(
                name: name, port: Int(port), pid: service["pid"]?.integer.map { pid_t($0) }, isReady: service["state"]?.string == "ready")
        }
    }

    // MARK: asking

    func token(_ subject: String, _ role: String) async throws -> String {
        "Bearer "
            + (try await signer.token(
                issuer: "hello-dd-local", subject: subject, audience: "api-gateway", role: Identity.Role(rawValue: role), lifetime: .seconds(3600)))
    }

    func send(
        _ method: HTTPRequest.Method, _ path: String, token: String?, key: String? = nil, ifMatch: String? = nil, body: String? = nil
    ) async throws(UpstreamError) -> UpstreamResponse {
        var headers = HTTPFields()
        headers[.authorization] = token
        headers[.idempotencyKey] = key
        headers[.ifMatch] = ifMatch
        return try await gateway.send(UpstreamRequest(method, path, headers: headers, body: body.map { ByteBuffer(string: $0) }))
    }

    /// A product with a price of 10.00 USD and so many pieces.
    func addProduct(_ sku: String, pieces: Int, as token: String) async throws {
        let product = try await send(.post, "/api/v1/products", token: token, body: #"{"sku": "\#(sku)", "name": "Test piece", "category": "tests"}"#)
        try #require(product.status == 201, "\(String(buffer: product.body))")
        let id = try #require(try JSON.parse(product.body.readableBytesView)["id"]?.string)
        let stock = try await send(
            .post, "/api/v1/products/\(sku)/stock/adjustments", token: token, key: "stock-\(sku)",
            body: #"{"delta": \#(pieces), "reason": "receipt"}"#)
        try #require((200..<300).contains(stock.status), "\(String(buffer: stock.body))")
        let price = try await send(
            .put, "/api/v1/prices/\(id)", token: token, body: #"{"sku": "\#(sku)", "base": {"amountMinor": 1000, "currency": "USD"}}"#)
        try #require((200..<300).contains(price.status), "\(String(buffer: price.body))")
    }

    static func order(_ sku: String, quantity: Int = 1, card: String = "card_approve") -> String {
        #"{"lines": [{"productId": "\#(sku)", "quantity": \#(quantity)}], "currency": "USD", "taxRegion": "NONE", "paymentMethod": "\#(card)"}"#
    }
}
