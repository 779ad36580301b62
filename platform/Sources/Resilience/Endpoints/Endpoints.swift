import Synchronization

/// The addresses of one service that tasks share: see ``EndpointMachine``.
public final class Endpoints<Address: Hashable & Sendable>: Sendable {
    private let machine: Mutex<EndpointMachine<Address>>
    private let now: @Sendable () -> ContinuousClock.Instant
    private let onChange: @Sendable (EndpointMachine<Address>.Change) -> Void

    /// - Parameter onChange: told after an address was taken out or came back, on the task that caused it.
    public init(
        _ addresses: [Address], _ configuration: EjectionConfiguration = EjectionConfiguration(),
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        onChange: @escaping @Sendable (EndpointMachine<Address>.Change) -> Void = { _ in }
    ) {
        machine = Mutex(EndpointMachine(addresses, configuration))
        self.now = now
        self.onChange = onChange
    }

    public var snapshot: EndpointMachine<Address> { machine.withLock { $0 } }

    public func update(_ addresses: [Address]) { machine.withLock { $0.update(addresses) } }

    /// Where the next call goes; ``ended(_:_:)`` must follow.
    public func pick(avoiding avoided: [Address] = []) -> Address {
        let now = now()
        return machine.withLock { machine in
            var random = SystemRandomNumberGenerator()
            return machine.pick(avoiding: avoided, at: now, using: &random)
        }
    }

    public func ended(_ address: Address, _ outcome: BreakerMachine.Outcome) {
        let now = now()
        if let change = machine.withLock({ $0.ended(address, outcome, at: now) }) { onChange(change) }
    }
}
