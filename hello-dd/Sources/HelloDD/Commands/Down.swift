import ArgumentParser

struct Down: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Stop the shop and wait until it has gone.",
        discussion: """
            Stops the gateway first, then what it stands on; each service has 20 s to finish what it has begun. When nothing runs, that is \
            fine too.

            EXAMPLES:
              hello-dd down
              hello-dd down --data /srv/shop
              hello-dd down --now          do not wait for requests under way
            """
    )

    @OptionGroup var data: DataOptions

    @Flag(help: "Do not wait for what is under way.")
    var now = false

    func run() async throws {
        let folder = data.folder
        guard let state = folder.running() else {
            let left = folder.state()?.aliveProcesses ?? []
            if !left.isEmpty {
                print("the supervisor is gone; stopping \(left.count) that it left")
                await Preflight.stop(left, within: now ? .zero : .seconds(20))
            }
            folder.removeState()
            print("not running")
            return
        }
        let began = ContinuousClock.now
        state.supervisor.send(SystemCall.terminateSignal)
        if now {
            // The second signal means "at once"; the first must have been taken before it.
            try await Task.sleep(for: .milliseconds(100))
            state.supervisor.send(SystemCall.terminateSignal)
        }
        try await watch(state, folder, until: began + .seconds(60))
        print("down after \((ContinuousClock.now - began).forPeople)")
    }

    /// Tells of each service that has gone until the supervisor has. A supervisor that does not go is ended with all it runs.
    private func watch(_ first: RunState, _ folder: RunFolder, until end: ContinuousClock.Instant) async throws {
        var told: Set<Service> = []
        var last = first
        func tell() {
            for record in last.services.reversed() where record.state == .stopped || !(record.process?.isAlive ?? false) {
                if told.insert(record.service).inserted { print("\(record.service.name) stopped") }
            }
        }
        while first.supervisor.isAlive {
            guard ContinuousClock.now < end else {
                print("the supervisor (pid \(first.supervisor.pid)) does not stop; killing it")
                first.supervisor.send(SystemCall.killSignal)
                await Preflight.stop(last.aliveProcesses, within: .seconds(1))
                break
            }
            if let state = folder.state(), state.supervisor == first.supervisor { last = state }
            tell()
            try await Task.sleep(for: .milliseconds(50))
        }
        tell()
        if first.databases?.isOwnServer == true { print("postgresql stopped") }
        if folder.state()?.supervisor == first.supervisor { folder.removeState() }
    }
}
