import Testing

@testable import HelloDD

struct ConsoleChoiceTests {
    private func choose(
        _ isWanted: Bool = true, page: Int? = nil, receiver: Int? = nil, environment: [String: String] = [:], taken: Set<Int> = []
    ) throws(CommandFailure) -> ConsoleChoice {
        try ConsoleChoice.make(
            isWanted: isWanted, page: page, receiver: receiver, environment: environment, availability: { taken.contains($0) ? .taken : .free },
            holder: { _ in Ports.Holder(pid: 7, name: "agent") }, pick: { count in Array([41, 42, 43].prefix(count)) })
    }

    @Test("by default the page is on 8090, and telemetry is received where everybody looks for it")
    func usual() throws {
        #expect(try choose() == ConsoleChoice(ports: .init(page: 8090, receiver: 4318), endpoint: "http://127.0.0.1:4318"))
        #expect(try choose(taken: [8090]).ports == .init(page: 41, receiver: 4318))
    }

    @Test("what listens on 4318 gets the telemetry, there is no console then, and both is said")
    func agent() throws {
        let choice = try choose(taken: [4318])
        #expect(choice.ports == nil)
        #expect(choice.endpoint == "http://127.0.0.1:4318")
        #expect(choice.note?.hasPrefix("port 4318 is taken by agent (pid 7): telemetry goes there") == true)
        #expect(try choose(receiver: 0, taken: [4318]) == ConsoleChoice(ports: .init(page: 8090, receiver: 42), endpoint: "http://127.0.0.1:42"))
    }

    @Test("what the user set wins", arguments: ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "DD_AGENT_HOST"])
    func environment(variable: String) throws {
        let choice = try choose(environment: [variable: "collector"])
        #expect(choice.ports == nil && choice.endpoint == nil)
        #expect(choice.note == "telemetry goes to collector, as \(variable) says; the console is not started")
        #expect(try choose(environment: [variable: ""]).ports != nil)
    }

    @Test("without telemetry, or without being wanted, there is no console")
    func off() throws {
        #expect(try choose(false) == ConsoleChoice())
        #expect(try choose(environment: ["OTEL_SDK_DISABLED": "TRUE"]).ports == nil)
    }

    @Test("ports that were asked for are taken, or refused with the reason")
    func asked() throws {
        #expect(try choose(page: 0, receiver: 0).ports == .init(page: 41, receiver: 42))
        #expect(try choose(page: 9000, receiver: 9001).ports == .init(page: 9000, receiver: 9001))
        let failure = #expect(throws: CommandFailure.self) { try choose(receiver: 9001, taken: [9001]) }
        #expect(
            failure?.description
                == "port 9001 of the console's receiver is taken by agent (pid 7); choose another with --otlp-port (0 picks a free one)")
        #expect(throws: CommandFailure.self) { try choose(page: 9000, receiver: 9000) }
    }
}
