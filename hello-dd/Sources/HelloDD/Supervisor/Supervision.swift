/// What the supervisor does next, decided without doing it: events in, actions out. No process, no clock and no terminal,
/// so each rule of starting, restarting and stopping is tested by itself.
///
/// Services start in waves (see `Service.waves`); a wave starts when each service before it has been ready once. They stop in the
/// reverse order, each wave when the one after it has gone.
struct Supervision: Sendable {
    struct Settings: Sendable {
        /// A start that takes longer is taken for one that never ends. The slowest seen, on a loaded machine, took 2 s.
        var readyWithin: Duration = .seconds(60)
        /// How long a service may take to finish what it has begun, after SIGTERM, before it is killed.
        var stopWithin: Duration = .seconds(20)
        var restart = RestartPolicy()
    }

    enum Event: Hashable, Sendable {
        case begin
        case spawnFailed(Service, reason: String)
        case ready(Service, start: Int)
        case exited(Service, Exit)
        case timer(Timer)
        /// SIGINT or SIGTERM; the second one stops without waiting.
        case stop
    }

    enum Timer: Hashable, Sendable {
        case restart(Service)
        case notReady(Service, start: Int)
        case kill(Service)
    }

    enum Action: Hashable, Sendable {
        case spawn(Service)
        /// Ask until it is ready, then send `.ready` with the same `start`.
        case awaitReadiness(Service, start: Int)
        case schedule(Timer, after: Duration)
        case terminate(Service)
        case kill(Service)
        case tell(Notice)
        /// Every service is up, for the first time.
        case announce(after: Duration)
        case finish(exitCode: Int32)
    }

    enum State: String, Codable, Hashable, Sendable {
        case waiting, starting, ready, restarting, stopping, stopped, failed

        /// Whether there is a process.
        var isAlive: Bool { self == .starting || self == .ready || self == .stopping }
    }

    struct Member: Sendable {
        fileprivate(set) var state = State.waiting
        /// Counts the starts, so that an answer to a question about an earlier one is told apart.
        fileprivate(set) var start = 0
        fileprivate(set) var lastExit: Exit?
        fileprivate var policy: RestartPolicy
        fileprivate var startedAt = Duration.zero
        fileprivate var readyAt: Duration?
        fileprivate var hasServed = false

        var restarts: Int { max(0, start - 1) }
    }

    private let settings: Settings
    private let jitter: @Sendable () -> Double
    private let waves: [[Service]]
    private(set) var members: [Service: Member]
    private var beganAt = Duration.zero
    private var isAnnounced = false
    private(set) var isStopping = false
    private var exitCode: Int32 = 0

    /// - Parameter jitter: random numbers in 0...1.
    init(_ services: Set<Service>, settings: Settings = Settings(), jitter: @escaping @Sendable () -> Double = { .random(in: 0...1) }) {
        self.settings = settings
        self.jitter = jitter
        waves = Service.waves(of: services)
        members = Dictionary(uniqueKeysWithValues: services.map { ($0, Member(policy: settings.restart)) })
    }

    /// How long `service`, which is starting, has been at it.
    func startingFor(_ service: Service, at now: Duration) -> Duration? {
        members[service].flatMap { $0.state == .starting ? now - $0.startedAt : nil }
    }

    /// How long the last successful start of `service` took.
    func readyAfter(_ service: Service) -> Duration? {
        members[service].flatMap { member in member.readyAt.map { $0 - member.startedAt } }
    }

    /// - Parameter now: time on a monotonic clock; only differences matter.
    mutating func handle(_ event: Event, at now: Duration) -> [Action] {
        switch event {
        case .begin:
            beganAt = now
            return startNextWave(at: now)
        case .spawnFailed(let service, let reason):
            members[service]?.state = .failed
            return fail(.cannotStart(service, reason: reason))
        case .ready(let service, let start): return becameReady(service, start: start, at: now)
        case .exited(let service, let exit): return exited(service, exit, at: now)
        case .timer(let timer): return fired(timer, at: now)
        case .stop: return isStopping ? killAll() : stop()
        }
    }

    // MARK: Starting

    private mutating func startNextWave(at now: Duration) -> [Action] {
        guard !isStopping else { return [] }
        for wave in waves {
            let waiting = wave.filter { members[$0]?.state == .waiting }
            if !waiting.isEmpty { return waiting.flatMap { spawn($0, at: now) } }
            guard wave.allSatisfy({ members[$0]?.hasServed == true }) else { return [] }
        }
        return []
    }

    private mutating func spawn(_ service: Service, at now: Duration) -> [Action] {
        guard var member = members[service] else { return [] }
        member.state = .starting
        member.start += 1
        member.startedAt = now
        member.readyAt = nil
        members[service] = member
        return [
            .tell(.starting(service)), .spawn(service), .awaitReadiness(service, start: member.start),
            .schedule(.notReady(service, start: member.start), after: settings.readyWithin),
        ]
    }

    private mutating func becameReady(_ service: Service, start: Int, at now: Duration) -> [Action] {
        guard var member = members[service], member.state == .starting, member.start == start else { return [] }
        member.state = .ready
        member.readyAt = now
        member.hasServed = true
        members[service] = member
        var actions: [Action] = [.tell(.ready(service, after: now - member.startedAt))]
        if !isAnnounced, members.values.allSatisfy({ $0.state == .ready }) {
            isAnnounced = true
            actions.append(.announce(after: now - beganAt))
        }
        return actions + startNextWave(at: now)
    }

    // MARK: Crashes

    private mutating func exited(_ service: Service, _ exit: Exit, at now: Duration) -> [Action] {
        guard var member = members[service], member.state.isAlive else { return [] }
        let wasStopping = member.state == .stopping
        let readyFor = member.readyAt.map { now - $0 }
        member.lastExit = exit
        if wasStopping {
            member.state = .stopped
            members[service] = member
            return [.tell(.stopped(service))] + continueStopping()
        }
        let verdict = member.policy.verdict(on: exit, readyFor: readyFor, hasServed: member.hasServed, jitter: jitter())
        if case .restart = verdict { member.state = .restarting } else { member.state = .failed }
        members[service] = member
        switch verdict {
        case .restart(let pause):
            // While the shop is stopping, only those that were told to stop have a say; this one fell before its turn.
            if isStopping {
                members[service]?.state = .stopped
                return continueStopping()
            }
            return [.tell(.crashed(service, exit, restartIn: pause)), .schedule(.restart(service), after: pause)]
        case .hopeless:
            return fail(.hopeless(service, exit))
        case .giveUp(let crashes):
            let notice = Notice.gaveUp(service, exit, crashes: crashes)
            // Once the shop is up, the others are worth more running than not: the gateway answers without prices too.
            let othersRun = isAnnounced && members.values.contains { $0.state != .failed }
            return othersRun && !isStopping ? [.tell(notice)] : fail(notice)
        }
    }

    private mutating func fired(_ timer: Timer, at now: Duration) -> [Action] {
        switch timer {
        case .restart(let service):
            guard !isStopping, members[service]?.state == .restarting else { return [] }
            return spawn(service, at: now)
        case .notReady(let service, let start):
            guard !isStopping, let member = members[service], member.state == .starting, member.start == start else { return [] }
            let notice = Notice.notReady(service, after: settings.readyWithin)
            return member.hasServed ? [.tell(notice), .kill(service)] : fail(notice)
        case .kill(let service):
            guard members[service]?.state == .stopping else { return [] }
            return [.tell(.killed(service, after: settings.stopWithin)), .kill(service)]
        }
    }

    // MARK: Stopping

    private mutating func fail(_ notice: Notice) -> [Action] {
        guard !isStopping else { return continueStopping() }
        exitCode = 1
        return [.tell(notice)] + stop()
    }

    private mutating func stop() -> [Action] {
        isStopping = true
        for (service, member) in members where member.state == .waiting || member.state == .restarting {
            members[service]?.state = .stopped
        }
        return continueStopping()
    }

    private mutating func continueStopping() -> [Action] {
        for wave in waves.reversed() {
            let alive = wave.filter { members[$0]?.state.isAlive == true }
            guard !alive.isEmpty else { continue }
            var actions: [Action] = []
            for service in alive where members[service]?.state != .stopping {
                members[service]?.state = .stopping
                actions += [.tell(.stopping(service)), .terminate(service), .schedule(.kill(service), after: settings.stopWithin)]
            }
            return actions
        }
        return [.finish(exitCode: exitCode)]
    }

    private mutating func killAll() -> [Action] {
        let alive = Service.allCases.filter { members[$0]?.state.isAlive == true }
        for service in alive { members[service]?.state = .stopping }
        return alive.map { .kill($0) }
    }
}
