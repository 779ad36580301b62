import ArgumentParser
internal import AsyncHTTPClient
internal import HTTPPath
internal import ServiceKit
internal import Synchronization

/// Which shop a command talks to.
struct ShopOptions: ParsableArguments {
    @OptionGroup var data: DataOptions

    @Option(help: ArgumentHelp("The gateway's address (default: that of the shop that runs on the data folder).", valueName: "url"))
    var url: String?

    func validate() throws {
        guard let url else { return }
        guard url.hasPrefix("http://") || url.hasPrefix("https://") else { throw ValidationError("--url must begin with http:// or https://.") }
    }

    /// Without `--url` and without a running shop: the usual port, so that a gateway that was started by hand is found too.
    var gateway: String {
        if let url { return url }
        if let address = data.folder.running()?.url(of: .gateway) { return address }
        return "http://127.0.0.1:\(Service.gateway.defaultPort)"
    }

    var keyRing: KeyRing { KeyRing(folder: data.folder) }

    /// Runs `body` with a connection to the shop.
    /// - Parameter connections: so many requests may be under way at once.
    func withShop<T: Sendable>(
        timeout: Duration = .seconds(30), connections: Int = 256, _ body: @Sendable (Shop) async throws -> T
    ) async throws -> T {
        let client = HTTPClient.forServices(connections: connections)
        let shop = Shop(
            upstream: HTTPUpstream(name: "the shop", baseURL: gateway, client: client, timeout: timeout), address: gateway, keys: keyRing,
            startAdvice: "start it with `\(Environment.command) up\(data.folder.option)`")
        do {
            let result = try await body(shop)
            try await client.shutdown()
            return result
        } catch {
            try? await client.shutdown()
            throw error
        }
    }
}

/// Signs tokens as the local shop expects them, with the key it made itself.
final class KeyRing: Sendable {
    private struct Held {
        var token: String
        var until: ContinuousClock.Instant
    }

    let folder: RunFolder
    /// By caller; a command has two or three.
    private let held = Mutex<[Shop.Caller: Held]>([:])

    init(folder: RunFolder) { self.folder = folder }

    /// A token for the requests of a command: signed once, and again after half an hour of its hour.
    func token(of caller: Shop.Caller) async throws -> String {
        if let held = held.withLock({ $0[caller] }), held.until > .now { return held.token }
        let token = try await token(role: caller.role, subject: caller.subject, lifetime: .seconds(3600))
        held.withLock { $0[caller] = Held(token: token, until: .now + .seconds(1800)) }
        return token
    }

    /// - Parameter role: shopper or operator.
    func token(role: Identity.Role, subject: String, lifetime: Duration) async throws -> String {
        do {
            let settings = try await Settings(arguments: [])
            let signer = try await LocalKeys(folder: folder.keys).signer(.users)
            return try await signer.token(
                issuer: settings(ServiceSettings.issuer), subject: subject, audience: Service.gateway.name, role: role, lifetime: lifetime)
        } catch let error as ConfigurationError {
            throw CommandFailure(error.description)
        }
    }
}
