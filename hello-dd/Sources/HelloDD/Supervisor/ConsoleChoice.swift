/// Where the services' telemetry goes, and so whether the console runs and where.
struct ConsoleChoice: Hashable, Sendable {
    struct Places: Hashable, Sendable {
        var page: Int
        var receiver: Int
    }

    /// Where OTLP over HTTP is looked for, by everybody.
    static let usualReceiverPort = 4318

    /// Nil where the console is not started.
    var ports: Places?
    /// What the services are told; nil leaves them what the environment says.
    var endpoint: String?
    /// Why there is no console, for people; nil where that needs no saying.
    var note: String?

    /// Settles it by what was asked for, what the environment says, and what listens where.
    /// - Parameters:
    ///   - page, receiver: the ports that were asked for, 0 for any; nil for the usual ones.
    ///   - pick: so many different free ports.
    static func make(
        isWanted: Bool, page: Int?, receiver: Int?, environment: [String: String],
        availability: (Int) -> Ports.Availability = { Ports.availability(host: "127.0.0.1", port: $0) },
        holder: (Int) -> Ports.Holder? = Ports.holder(of:),
        pick: (Int) throws(CommandFailure) -> [Int] = { count throws(CommandFailure) in try Ports.pick(count, host: "127.0.0.1") }
    ) throws(CommandFailure) -> ConsoleChoice {
        guard isWanted else { return ConsoleChoice() }
        if environment["OTEL_SDK_DISABLED"]?.lowercased() == "true" {
            return ConsoleChoice(note: "telemetry is off (OTEL_SDK_DISABLED), so the console is not started")
        }
        let destinations = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "DD_AGENT_HOST"]
        if let variable = destinations.first(where: { environment[$0]?.isEmpty == false }) {
            let value = environment[variable] ?? ""
            return ConsoleChoice(note: "telemetry goes to \(value), as \(variable) says; the console is not started")
        }
        if receiver == nil, availability(usualReceiverPort) == .taken {
            let by = holder(usualReceiverPort).map { " by \($0)" } ?? ""
            return ConsoleChoice(
                endpoint: "http://127.0.0.1:\(usualReceiverPort)",
                note:
                    "port \(usualReceiverPort) is taken\(by): telemetry goes there, and the console is not started (--otlp-port 0 gives it a port of its own)"
            )
        }
        let free = try pick(2)
        let receiving = receiver ?? usualReceiverPort
        let paging = page ?? (availability(Service.console.defaultPort) == .free ? Service.console.defaultPort : 0)
        let ports = Places(page: paging == 0 ? free[0] : paging, receiver: receiving == 0 ? free[1] : receiving)
        guard ports.page != ports.receiver else { throw CommandFailure("the console's page and its receiver cannot share port \(ports.page)") }
        if availability(ports.receiver) != .free {
            let by = holder(ports.receiver).map { " by \($0)" } ?? ""
            throw CommandFailure(
                "port \(ports.receiver) of the console's receiver is taken\(by); choose another with --otlp-port (0 picks a free one)")
        }
        return ConsoleChoice(ports: ports, endpoint: "http://127.0.0.1:\(ports.receiver)")
    }
}

extension Plan {
    mutating func apply(_ choice: ConsoleChoice) {
        telemetryEndpoint = choice.endpoint
        guard let chosen = choice.ports else { return }
        ports[.console] = chosen.page
        receiverPort = chosen.receiver
    }
}
