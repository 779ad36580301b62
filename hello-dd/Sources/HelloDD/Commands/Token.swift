import ArgumentParser
internal import ServiceKit

struct Token: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print a token for curl.",
        discussion: """
            Signs with the key that the shop made itself when it first started (`keys/` in the data folder). A shopper places orders and \
            sees their own; an operator changes the catalogue, stock and prices. Every other command signs in by itself.

            EXAMPLES:
              TOKEN=$(hello-dd token --role operator)
              curl -H "Authorization: Bearer $TOKEN" localhost:8000/api/v1/stock/movements

              hello-dd token --role shopper --subject bob --lifetime 7d

            `--service` prints the token that the gateway itself would show to one of the services behind it: for looking at that service alone.

              curl -H "Authorization: Bearer $(hello-dd token --service inventory)" localhost:8001/api/v1/products
            """
    )

    enum Role: String, CaseIterable, ExpressibleByArgument {
        case shopper, `operator`
    }

    @Option(help: "What its bearer may do.")
    var role = Role.shopper

    @Option(
        help: ArgumentHelp(
            "Who the bearer is: 1 to 200 visible ASCII characters (default: alice for a shopper, operator for an operator).", valueName: "name"))
    var subject: String?

    @Option(help: ArgumentHelp("How long it holds: 90s, 15m, 12h, 7d.", valueName: "time"))
    var lifetime = Lifetime(duration: .seconds(12 * 3600))

    @Option(
        help: ArgumentHelp("Call this service as the gateway does, instead of the gateway as a user: inventory or pricing.", valueName: "service"))
    var service: Service?

    @OptionGroup var data: DataOptions

    func validate() throws {
        if service == .gateway { throw ValidationError("--service is for the services behind the gateway; for the gateway there is --role.") }
        if service != nil, subject != nil { throw ValidationError("--service and --subject exclude each other: the bearer is the gateway.") }
        if let subject, !(1...200).contains(subject.utf8.count) || !subject.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) {
            throw ValidationError("--subject must be 1 to 200 visible ASCII characters.")
        }
    }

    func run() async throws {
        if let service {
            print(try await serviceToken(for: service))
            return
        }
        let identity: Identity.Role = role == .operator ? .operator : .shopper
        let name = subject ?? (role == .operator ? Shop.Caller.operator.subject : Order.defaultShopper)
        print(try await KeyRing(folder: data.folder).token(role: identity, subject: name, lifetime: lifetime.duration))
    }
}

extension Token {
    /// As the gateway signs its calls.
    private func serviceToken(for service: Service) async throws -> String {
        do {
            let gateway = Service.gateway.name
            let signer = try await LocalKeys(folder: data.folder.keys).signer(.services)
            return try await signer.token(issuer: gateway, subject: gateway, audience: service.name, role: .service, lifetime: lifetime.duration)
        } catch let error as ConfigurationError {
            throw CommandFailure(error.description)
        }
    }
}

/// A duration as people type it: a whole number and `s`, `m`, `h` or `d`; at most 365 days, since a token cannot be called back.
struct Lifetime: ExpressibleByArgument, Hashable, CustomStringConvertible {
    let duration: Duration

    init(duration: Duration) { self.duration = duration }

    init?(argument: String) {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        guard let unit = argument.last.flatMap({ units[$0] }), let count = Int64(argument.dropLast()), count > 0 else { return nil }
        let (seconds, overflow) = count.multipliedReportingOverflow(by: unit)
        guard !overflow, seconds <= 365 * 86_400 else { return nil }
        duration = .seconds(seconds)
    }

    var description: String {
        let seconds = duration.components.seconds
        return seconds % 3600 == 0 ? "\(seconds / 3600)h" : "\(seconds)s"
    }

    var defaultValueDescription: String { description }
}
