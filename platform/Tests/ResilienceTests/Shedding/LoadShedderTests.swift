import Resilience
import Testing

@Suite struct LoadShedderTests {
    private func machine() -> ShedderMachine {
        var configuration = ShedderConfiguration()
        configuration.mostInFlight = 100
        return ShedderMachine(configuration)
    }

    @Test("reads are turned away before writes are, and what is exempt never is")
    func byCount() {
        let machine = machine()
        #expect(machine.judge(.read, inFlight: 80, at: at(0)) == nil)
        #expect(machine.judge(.read, inFlight: 81, at: at(0))?.reason == .inFlight)
        #expect(machine.judge(.write, inFlight: 100, at: at(0)) == nil)
        #expect(machine.judge(.write, inFlight: 101, at: at(0))?.reason == .inFlight)
        #expect(machine.judge(.exempt, inFlight: 100_000, at: at(0)) == nil)
    }

    @Test("a burst sheds nothing; a queue that stands sheds reads, and one that stands for long writes too")
    func byQueue() {
        var machine = machine()
        machine.observe(queueTime: .milliseconds(200), at: at(10))
        #expect(machine.judge(.read, inFlight: 1, at: at(10.2)) == nil)
        machine.observe(queueTime: .milliseconds(150), at: at(10.3))
        #expect(machine.judge(.read, inFlight: 1, at: at(10.3))?.reason == .queueTime)
        #expect(machine.judge(.write, inFlight: 1, at: at(10.3)) == nil)
        #expect(machine.judge(.write, inFlight: 1, at: at(11.8))?.reason == .queueTime)
        #expect(machine.judge(.exempt, inFlight: 1, at: at(11.8)) == nil)
    }

    @Test("one piece of work that got its thread at once ends the queue")
    func recovery() {
        var machine = machine()
        machine.observe(queueTime: .seconds(3), at: at(10))
        #expect(machine.judge(.write, inFlight: 1, at: at(10)) != nil)
        machine.observe(queueTime: .milliseconds(100), at: at(10.1))
        #expect(machine.judge(.read, inFlight: 1, at: at(10.1)) == nil)
    }

    @Test("what is turned away is counted")
    func counting() {
        var configuration = ShedderConfiguration()
        configuration.mostInFlight = 1
        let shedder = LoadShedder(configuration, now: { at(0) })
        shedder.enter()
        #expect(throws: Never.self) { try shedder.judge(.write) }
        shedder.enter()
        #expect(throws: LoadShed.self) { try shedder.judge(.write) }
        #expect(throws: Never.self) { try shedder.judge(.exempt) }
        shedder.leave()
        #expect(shedder.inFlight == 1 && shedder.turnedAway == 1)
    }
}
