public import Logging
import NIOPosix

/// A service's own token for calls to one other service: made when first needed, before it expires, and when the key that signs changes.
public actor ServiceToken {
    private let keys: LocalKeys
    private let issuer: String
    private let audience: String
    private let lifetime: Duration
    private let logger: Logger
    private var signer: (fingerprint: String, signer: TokenSigner)?
    private var lookedAt: ContinuousClock.Instant?
    private var current: (header: String, renewAt: ContinuousClock.Instant)?
    private let interval: Duration

    /// - Parameters:
    ///   - keys: the folder of the pair `services`, whose private key signs.
    ///   - issuer: the calling service's name.
    ///   - audience: the called service's name.
    ///   - interval: whether the key has changed is looked at so often: the file is small, and calls are many.
    /// - Throws: where there is no key that signs.
    public init(
        keys: LocalKeys, issuer: String, audience: String, lifetime: Duration = .seconds(600), logger: Logger, interval: Duration = .seconds(1)
    ) async throws(ConfigurationError) {
        self.keys = keys
        self.issuer = issuer
        self.audience = audience
        self.lifetime = lifetime
        self.logger = logger
        self.interval = interval
        signer = ("", try await keys.signer(.services))
    }

    /// The `Authorization` header.
    public func header() async throws -> String {
        await followKey()
        if let current, current.renewAt > .now { return current.header }
        guard let signer = signer?.signer else { throw ConfigurationError("there is no key to sign with") }
        let token = try await signer.token(issuer: issuer, subject: issuer, audience: audience, role: .service, lifetime: lifetime)
        let header = "Bearer \(token)"
        current = (header, .now + lifetime / 2)
        return header
    }

    /// Signs with another key from now on, if the folder holds another. While it holds none that can be used, the old one goes on.
    private func followKey() async {
        guard lookedAt.map({ .now - $0 >= interval }) ?? true else { return }
        lookedAt = .now
        let keys = keys
        guard let fingerprint = try? await NIOThreadPool.singleton.runIfActive({ keys.fingerprint(.services) }),
            fingerprint != signer?.fingerprint
        else { return }
        do {
            signer = (fingerprint, try await keys.signer(.services))
            current = nil
        } catch {
            logger.warning("the key that signs this service's calls has changed and cannot be used", metadata: ["error": "\(error.description)"])
        }
    }
}
