internal import Basics

/// What is looked at before anything is started, so that a hindrance is one line that says what to do, and not a crash in a log.
enum Preflight {
    static func checkBinaries(_ plan: Plan) throws(CommandFailure) {
        for service in Service.allCases where plan.services.contains(service) {
            let path = plan.executable(of: service)
            guard Files.isExecutable(path) else {
                throw CommandFailure(
                    "\(service.name) is not in \(plan.binaries); build it with `swift build`, or name the folder that has it with --bin DIR")
            }
        }
    }

    /// `DATABASE_URL` names one database, and each service needs its own.
    static func checkDatabases(_ engine: EngineChoice, services: Set<Service>, environment: [String: String]) throws(CommandFailure) {
        guard let variable = ["DATABASE_URL", "DB_HOST"].first(where: { environment[$0]?.isEmpty == false }) else { return }
        let count = services.count { $0.hasDatabase }
        guard engine == .files, count > 1 else { return }
        throw CommandFailure(
            "\(variable) is set, and \(count) services would share the database it names: unset it, or name the server in --postgres URL, "
                + "on which each service gets a database of its own")
    }

    static func checkPorts(_ plan: Plan) throws(CommandFailure) {
        var owner: [Int: Service] = [:]
        for service in Service.allCases where plan.services.contains(service) {
            let port = plan.port(of: service)
            if let other = owner.updateValue(service, forKey: port) {
                throw CommandFailure("\(other.name) and \(service.name) cannot share port \(port); change one with \(service.portOption)")
            }
            switch Ports.availability(host: plan.host(of: service), port: port) {
            case .free: continue
            case .taken:
                let holder = Ports.holder(of: port).map { " by \($0)" } ?? ""
                throw CommandFailure(
                    "port \(port) of \(service.name) is taken\(holder); choose another with \(service.portOption) (0 picks a free one)")
            case .refused(let reason):
                throw CommandFailure(
                    "\(service.name) cannot listen on \(plan.host), port \(port): \(reason); choose another with \(service.portOption)")
            }
        }
    }

    /// Ends what a supervisor that was killed has left behind. Services stop by themselves then, so this is a wait more than a deed.
    /// The lock must be held. Returns how many processes there were.
    static func stopLeftovers(_ folder: RunFolder) async -> Int {
        guard let state = folder.state() else { return 0 }
        let left = state.aliveProcesses
        await stop(left, within: .seconds(20))
        folder.removeState()
        return left.count
    }

    /// SIGTERM to each, then a wait, then SIGKILL to those that are left.
    static func stop(_ processes: [ProcessIdentity], within patience: Duration) async {
        for process in processes { process.send(SystemCall.terminateSignal) }
        let end = ContinuousClock.now + patience
        while processes.contains(where: \.isAlive), ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(50)) }
        for process in processes { process.send(SystemCall.killSignal) }
        while processes.contains(where: \.isAlive), ContinuousClock.now < end + .seconds(2) { try? await Task.sleep(for: .milliseconds(20)) }
    }
}
