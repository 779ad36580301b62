internal import Basics
internal import UnixSignals

/// Runs the services of a plan until it is told to stop: does what `Supervision` decides.
actor Supervisor {
    private let plan: Plan
    private let console: UpConsole
    private let probe: ServiceProbe
    private let lifeline: Lifeline
    private let logs: [Service: ServiceLog]
    private let environment: [String: String]
    private let identity: ProcessIdentity
    private let sources: Sources
    private let databases: @Sendable () -> RunState.Databases?
    private let clock = ContinuousClock()
    private let origin: ContinuousClock.Instant
    private let startedAt: Timestamp

    private var supervision: Supervision
    private var children: [Service: ChildProcess] = [:]
    private var startTimes: [Service: Timestamp] = [:]
    private var written: RunState?
    private var isAnnounced = false

    private enum Occurrence: Sendable {
        case event(Supervision.Event)
        /// A service's process has ended and is to be reaped.
        case ended(Service)
    }

    private let occurrences: AsyncStream<Occurrence>
    private let continuation: AsyncStream<Occurrence>.Continuation

    /// The folder's lock must be held.
    /// - Parameter databases: the server that the services' databases are on, if any; asked each time the state is written.
    init(
        plan: Plan, settings: Supervision.Settings = .init(), console: UpConsole, probe: ServiceProbe, environment: [String: String],
        sources: Sources = .system, databases: @escaping @Sendable () -> RunState.Databases? = { nil }
    ) throws(CommandFailure) {
        self.plan = plan
        self.console = console
        self.probe = probe
        self.environment = environment
        self.sources = sources
        self.databases = databases
        lifeline = try Lifeline()
        var logs: [Service: ServiceLog] = [:]
        for service in plan.services {
            logs[service] = try ServiceLog(path: plan.folder.log(of: service)) { console.log(service, $0) }
        }
        self.logs = logs
        guard let identity = ProcessIdentity(of: SystemCall.ownProcess) else { throw CommandFailure("/proc is not mounted") }
        self.identity = identity
        supervision = Supervision(plan.services, settings: settings)
        origin = clock.now
        startedAt = sources.now()
        // A few events a service are ever under way; the bound is for signals sent in a loop, which say nothing new.
        (occurrences, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(4096))
    }

    /// Returns the exit code when all services have gone.
    func run() async -> Int32 {
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
        let exitCode: Int32 = await withDiscardingTaskGroup(returning: Int32.self) { group in
            group.addTask { [continuation] in
                for await _ in signals { continuation.yield(.event(.stop)) }
            }
            group.addTask { [self] in
                while !Task.isCancelled {
                    await showProgress()
                    try? await Task.sleep(for: .milliseconds(100))
                }
            }
            defer { group.cancelAll() }
            continuation.yield(.event(.begin))
            for await occurrence in occurrences {
                let actions = supervision.handle(event(of: occurrence), at: clock.now - origin)
                for action in actions {
                    if case .finish(let exitCode) = action { return exitCode }
                    perform(action, in: &group)
                }
                writeState()
            }
            return 1
        }
        plan.folder.removeState()
        return exitCode
    }

    private func perform(_ action: Supervision.Action, in group: inout DiscardingTaskGroup) {
        switch action {
        case .spawn(let service): spawn(service)
        case .awaitReadiness(let service, let start):
            let host = RunState.reachable(plan.host(of: service))
            let port = plan.port(of: service)
            group.addTask { [probe, continuation] in
                if await probe.untilReady(host: host, port: port) { continuation.yield(.event(.ready(service, start: start))) }
            }
        case .schedule(let timer, let pause):
            group.addTask { [clock, continuation] in
                guard (try? await clock.sleep(for: pause)) != nil else { return }
                continuation.yield(.event(.timer(timer)))
            }
        case .terminate(let service): children[service]?.terminate()
        case .kill(let service): children[service]?.killGroup()
        case .tell(let notice):
            let lines = logs[notice.service]?.lastLines(notice.logLines) ?? []
            console.tell(notice, lastLines: lines, isStartingUp: !isAnnounced)
        case .announce(let after):
            isAnnounced = true
            // Before the banner, so that whoever reads it finds the state it tells of.
            writeState()
            console.announce(plan, after: after, progress: progress())
        case .finish: break
        }
    }

    private func spawn(_ service: Service) {
        guard let log = logs[service] else { return }
        log.beginStart()
        startTimes[service] = sources.now()
        do {
            children[service] = try ChildProcess.spawn(
                plan.executable(of: service), environment: plan.environment(of: service, inherited: environment), lifeline: lifeline,
                onOutput: { log.append($0) },
                onExit: { [continuation] in
                    log.finish()
                    continuation.yield(.ended(service))
                })
        } catch {
            continuation.yield(.event(.spawnFailed(service, reason: error.description)))
        }
    }

    private func event(of occurrence: Occurrence) -> Supervision.Event {
        switch occurrence {
        case .event(let event): return event
        case .ended(let service):
            let child = children.removeValue(forKey: service)
            return .exited(service, child?.reap() ?? .code(0))
        }
    }

    // MARK: What others see

    private func showProgress() {
        console.progress(isAnnounced || supervision.isStopping ? [] : progress())
    }

    private func progress() -> [UpConsole.Progress] {
        Service.allCases.filter(plan.services.contains).map { service in
            UpConsole.Progress(
                service: service, state: supervision.members[service]?.state ?? .waiting,
                elapsed: supervision.startingFor(service, at: clock.now - origin) ?? supervision.readyAfter(service))
        }
    }

    /// Writes what others see, if it has changed.
    func writeState() {
        let records = Service.allCases.compactMap { service -> RunState.Record? in
            guard let member = supervision.members[service] else { return nil }
            return RunState.Record(
                service: service, state: member.state, port: plan.port(of: service),
                process: children[service].flatMap { ProcessIdentity(of: $0.pid) },
                startedAt: startTimes[service]?.description, restarts: member.restarts, lastExit: member.lastExit?.description)
        }
        let state = RunState(
            supervisor: identity, startedAt: startedAt.description, host: plan.host, services: records, databases: databases(),
            receiverPort: plan.services.contains(.console) ? plan.receiverPort : nil)
        guard state != written else { return }
        do {
            try plan.folder.write(state)
            written = state
        } catch {
            console.warn("\(error)")
        }
    }
}
