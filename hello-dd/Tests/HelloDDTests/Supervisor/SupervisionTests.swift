import Testing

@testable import HelloDD

struct SupervisionTests {
    /// A supervision, the time, and what it has asked for since the last look.
    private struct World {
        var supervision: Supervision
        var now = Duration.zero

        init(_ services: Set<Service> = [.inventory, .pricing, .gateway]) { supervision = Supervision(services, jitter: { 1 }) }

        mutating func send(_ event: Supervision.Event, after: Duration = .zero) -> [Supervision.Action] {
            now += after
            return supervision.handle(event, at: now)
        }

        /// Everything started and ready.
        mutating func startAll() {
            _ = send(.begin)
            _ = send(.ready(.inventory, start: 1))
            _ = send(.ready(.pricing, start: 1))
            _ = send(.ready(.gateway, start: 1))
        }

        func state(_ service: Service) -> Supervision.State? { supervision.members[service]?.state }
    }

    private func spawned(_ actions: [Supervision.Action]) -> [Service] {
        actions.compactMap { if case .spawn(let service) = $0 { service } else { nil } }
    }

    private func terminated(_ actions: [Supervision.Action]) -> [Service] {
        actions.compactMap { if case .terminate(let service) = $0 { service } else { nil } }
    }

    private func finished(_ actions: [Supervision.Action]) -> Int32? {
        actions.compactMap { if case .finish(let code) = $0 { code } else { nil } }.first
    }

    @Test("the gateway starts when both services before it are ready, and not earlier")
    func dependencyOrder() {
        var world = World()
        #expect(spawned(world.send(.begin)) == [.inventory, .pricing])
        #expect(spawned(world.send(.ready(.pricing, start: 1))) == [])
        #expect(spawned(world.send(.ready(.inventory, start: 1))) == [.gateway])
    }

    @Test("a service asked for alone waits for nobody")
    func alone() {
        var world = World([.gateway])
        #expect(spawned(world.send(.begin)) == [.gateway])
        #expect(world.send(.ready(.gateway, start: 1), after: .milliseconds(300)).contains(.announce(after: .milliseconds(300))))
    }

    @Test("the shop is announced once, when the last is ready")
    func announces() {
        var world = World()
        _ = world.send(.begin)
        _ = world.send(.ready(.inventory, start: 1))
        _ = world.send(.ready(.pricing, start: 1))
        #expect(world.send(.ready(.gateway, start: 1), after: .seconds(1)).contains(.announce(after: .seconds(1))))
        _ = world.send(.exited(.gateway, .signal(11)))
        _ = world.send(.timer(.restart(.gateway)), after: .milliseconds(200))
        let again = world.send(.ready(.gateway, start: 2), after: .milliseconds(50))
        #expect(again == [.tell(.ready(.gateway, after: .milliseconds(50)))])
    }

    @Test("a crashed service is started again after its pause, and the others are left alone")
    func restarts() {
        var world = World()
        world.startAll()
        let actions = world.send(.exited(.inventory, .signal(9)), after: .seconds(1))
        #expect(
            actions == [
                .tell(.crashed(.inventory, .signal(9), restartIn: .milliseconds(200))), .schedule(.restart(.inventory), after: .milliseconds(200)),
            ])
        #expect(world.state(.inventory) == .restarting)
        #expect(spawned(world.send(.timer(.restart(.inventory)), after: .milliseconds(200))) == [.inventory])
        #expect(world.state(.gateway) == .ready)
        #expect(world.supervision.members[.inventory]?.restarts == 1)
        #expect(world.supervision.members[.inventory]?.lastExit == .signal(9))
    }

    @Test("an answer about an earlier start is not taken for the present one")
    func staleReadiness() {
        var world = World()
        _ = world.send(.begin)
        _ = world.send(.exited(.inventory, .signal(9)))
        _ = world.send(.timer(.restart(.inventory)), after: .milliseconds(200))
        #expect(world.send(.ready(.inventory, start: 1)) == [])
        #expect(world.state(.inventory) == .starting)
    }

    @Test("a bad configuration stops everything with exit code 1")
    func badConfiguration() {
        var world = World()
        _ = world.send(.begin)
        let actions = world.send(.exited(.pricing, .code(78)))
        #expect(actions.first == .tell(.hopeless(.pricing, .code(78))))
        #expect(terminated(actions) == [.inventory])
        #expect(finished(world.send(.exited(.inventory, .code(0)))) == 1)
    }

    @Test("a service that never becomes ready stops everything; after a restart, that start only")
    func notReady() {
        var world = World()
        _ = world.send(.begin)
        let first = world.send(.timer(.notReady(.inventory, start: 1)), after: .seconds(60))
        #expect(first.first == .tell(.notReady(.inventory, after: .seconds(60))))
        #expect(terminated(first) == [.inventory, .pricing])

        world = World()
        world.startAll()
        _ = world.send(.exited(.inventory, .signal(9)))
        _ = world.send(.timer(.restart(.inventory)))
        let later = world.send(.timer(.notReady(.inventory, start: 2)), after: .seconds(60))
        #expect(later == [.tell(.notReady(.inventory, after: .seconds(60))), .kill(.inventory)])
        #expect(world.send(.timer(.notReady(.gateway, start: 1))) == [])
    }

    @Test("ten crashes before the shop was up stop it; after, the others go on")
    func givesUp() {
        func crashTenTimes(_ world: inout World) -> [Supervision.Action] {
            for _ in 0..<9 {
                _ = world.send(.exited(.pricing, .code(1)))
                _ = world.send(.timer(.restart(.pricing)))
            }
            return world.send(.exited(.pricing, .code(1)))
        }
        var starting = World()
        _ = starting.send(.begin)
        let atStart = crashTenTimes(&starting)
        #expect(atStart.first == .tell(.gaveUp(.pricing, .code(1), crashes: 10)))
        #expect(terminated(atStart) == [.inventory])

        var up = World()
        up.startAll()
        #expect(crashTenTimes(&up) == [.tell(.gaveUp(.pricing, .code(1), crashes: 10))])
        #expect(up.state(.pricing) == .failed)
        #expect(up.state(.gateway) == .ready)
    }

    @Test("a shop whose last service is given up ends with exit code 1")
    func nothingLeft() {
        var world = World([.inventory])
        _ = world.send(.begin)
        _ = world.send(.ready(.inventory, start: 1))
        for _ in 0..<9 {
            _ = world.send(.exited(.inventory, .code(1)))
            _ = world.send(.timer(.restart(.inventory)))
        }
        #expect(finished(world.send(.exited(.inventory, .code(1)))) == 1)
    }

    @Test("a program that cannot be executed stops everything")
    func cannotStart() {
        var world = World()
        _ = world.send(.begin)
        let actions = world.send(.spawnFailed(.inventory, reason: "Exec format error"))
        #expect(actions.first == .tell(.cannotStart(.inventory, reason: "Exec format error")))
        #expect(terminated(actions) == [.pricing])
    }

    @Test("stopping goes in the reverse order, each wave when the one after it has gone")
    func stopOrder() {
        var world = World()
        world.startAll()
        #expect(terminated(world.send(.stop)) == [.gateway])
        #expect(Set(terminated(world.send(.exited(.gateway, .code(0))))) == [.inventory, .pricing])
        #expect(finished(world.send(.exited(.inventory, .code(0)))) == nil)
        #expect(finished(world.send(.exited(.pricing, .code(0)))) == 0)
    }

    @Test("a service that does not stop within 20 s is killed")
    func killsAfterGrace() {
        var world = World()
        world.startAll()
        #expect(world.send(.stop).contains(.schedule(.kill(.gateway), after: .seconds(20))))
        #expect(world.send(.timer(.kill(.gateway)), after: .seconds(20)) == [.tell(.killed(.gateway, after: .seconds(20))), .kill(.gateway)])
        _ = world.send(.exited(.gateway, .signal(9)))
        #expect(world.send(.timer(.kill(.gateway))) == [])
    }

    @Test("the second signal kills whatever is left, at once")
    func secondStop() {
        var world = World()
        world.startAll()
        _ = world.send(.stop)
        #expect(world.send(.stop) == [.kill(.inventory), .kill(.pricing), .kill(.gateway)])
        _ = world.send(.exited(.gateway, .signal(9)))
        _ = world.send(.exited(.inventory, .signal(9)))
        #expect(finished(world.send(.exited(.pricing, .signal(9)))) == 0)
    }

    @Test("stopping while a service waits to be restarted does not start it")
    func stopWhileRestarting() {
        var world = World()
        world.startAll()
        _ = world.send(.exited(.inventory, .signal(9)))
        _ = world.send(.stop)
        #expect(world.send(.timer(.restart(.inventory))) == [])
        #expect(world.state(.inventory) == .stopped)
        _ = world.send(.exited(.gateway, .code(0)))
        #expect(finished(world.send(.exited(.pricing, .code(0)))) == 0)
    }

    @Test("a service that falls before its turn to stop is not started again")
    func crashWhileStopping() {
        var world = World()
        world.startAll()
        _ = world.send(.stop)
        #expect(world.send(.exited(.pricing, .signal(9))) == [])
        #expect(terminated(world.send(.exited(.gateway, .code(0)))) == [.inventory])
        #expect(finished(world.send(.exited(.inventory, .code(0)))) == 0)
    }

    @Test("stopping before the gateway was started does not start it")
    func stopWhileStarting() {
        var world = World()
        _ = world.send(.begin)
        #expect(Set(terminated(world.send(.stop))) == [.inventory, .pricing])
        #expect(world.send(.ready(.inventory, start: 1)) == [])
        _ = world.send(.exited(.inventory, .code(0)))
        #expect(finished(world.send(.exited(.pricing, .code(0)))) == 0)
    }

    @Test("the console comes first and goes last, so that it hears everything")
    func console() {
        var world = World(Set(Service.allCases))
        #expect(spawned(world.send(.begin)) == [.console])
        #expect(spawned(world.send(.ready(.console, start: 1))) == [.inventory, .pricing])
        _ = world.send(.ready(.inventory, start: 1))
        #expect(spawned(world.send(.ready(.pricing, start: 1))) == [.gateway])
        _ = world.send(.ready(.gateway, start: 1))
        #expect(terminated(world.send(.stop)) == [.gateway])
        _ = world.send(.exited(.gateway, .code(0)))
        _ = world.send(.exited(.inventory, .code(0)))
        #expect(terminated(world.send(.exited(.pricing, .code(0)))) == [.console])
        #expect(finished(world.send(.exited(.console, .code(0)))) == 0)
    }

    @Test("services are started with what they need")
    func dependencies() {
        #expect(Service.withDependencies([.gateway]) == [.console, .inventory, .pricing, .gateway])
        #expect(Service.withDependencies([.pricing]) == [.console, .pricing])
        #expect(Service.waves(of: [.gateway, .pricing]) == [[.pricing], [.gateway]])
    }
}
