import Resilience
import TestKit
import Testing

@Suite struct EndpointMachineTests {
    private var random = SplitMix64(seed: 1)

    /// Sends a call, which ends at once, and tells where it went.
    private mutating func send(
        _ machine: inout EndpointMachine<String>, avoiding avoided: [String] = [], at now: Double, _ outcome: (String) -> BreakerMachine.Outcome
    ) -> String {
        let address = machine.pick(avoiding: avoided, at: at(now), using: &random)
        machine.ended(address, outcome(address), at: at(now))
        return address
    }

    @Test("one of several that always fails is left out after five times, and the others take its calls")
    mutating func ejection() {
        var machine = EndpointMachine(["a", "b"])
        var bad = 0
        for _ in 0..<1000 { if send(&machine, at: 0, { $0 == "b" ? .failure : .success }) == "b" { bad += 1 } }
        #expect(bad == 5)
    }

    @Test("it comes back after its time with one call at once, and is out for twice as long if that fails")
    mutating func probation() {
        var machine = EndpointMachine(["a", "b"])
        for _ in 0..<100 { _ = send(&machine, at: 0) { $0 == "b" ? .failure : .success } }
        #expect(machine.endpoints[1].isOut(at(4.9)))
        let there = (0..<100).map { _ in machine.pick(at: at(5), using: &random) }
        #expect(there.count { $0 == "b" } == 1)
        #expect(machine.ended("b", .failure, at: at(5)) == .ejected("b", .seconds(10)))
        for address in there where address == "a" { machine.ended(address, .success, at: at(5)) }
        let later = (0..<100).map { _ in machine.pick(at: at(14.9), using: &random) }
        #expect(later.allSatisfy { $0 == "a" })
    }

    @Test("one call that goes well brings it back")
    mutating func returning() {
        var machine = EndpointMachine(["a", "b"])
        for _ in 0..<100 { _ = send(&machine, at: 0) { $0 == "b" ? .failure : .success } }
        while send(&machine, at: 6, { _ in .success }) != "b" {}
        let picked = (0..<200).map { _ in machine.pick(at: at(6), using: &random) }
        #expect(picked.count { $0 == "b" } == 100)
    }

    @Test("a success of before it was left out does not bring it back")
    mutating func stale() {
        var machine = EndpointMachine(["a", "b"])
        let early = (0..<20).map { _ in machine.pick(at: at(0), using: &random) }
        #expect(early.contains("b"))
        for _ in 0..<5 { machine.ended("b", .failure, at: at(0)) }
        #expect(machine.ended("b", .success, at: at(1)) == nil)
        #expect(machine.endpoints[1].isOut(at(1)))
    }

    @Test("where all fail at most half are left out, and the only one never is", arguments: [1, 2, 3, 4, 5])
    mutating func share(count: Int) {
        var machine = EndpointMachine((0..<count).map(String.init))
        for step in 0..<1000 { _ = send(&machine, at: Double(step) / 1000) { _ in .failure } }
        #expect(machine.endpoints.count { $0.isOut(at(1)) } == count / 2)
    }

    @Test("what says nothing about the address counts neither way")
    mutating func ignored() {
        var machine = EndpointMachine(["a", "b"])
        for _ in 0..<4 { machine.ended("b", .failure, at: at(0)) }
        for _ in 0..<100 { machine.ended("b", .ignored, at: at(0)) }
        #expect(!machine.endpoints[1].isOut(at(0)))
        machine.ended("b", .failure, at: at(0))
        #expect(machine.endpoints[1].isOut(at(0)))
    }

    @Test("a slow one gets fewer calls, without being measured")
    mutating func slow() {
        var machine = EndpointMachine(["a", "b"])
        // Calls to b never end.
        var toB = 0
        for _ in 0..<100 {
            let address = machine.pick(at: at(0), using: &random)
            if address == "b" { toB += 1 } else { machine.ended("a", .success, at: at(0)) }
        }
        #expect(toB <= 2)
    }

    @Test("a further attempt goes elsewhere, if there is an elsewhere")
    mutating func avoiding() {
        var two = EndpointMachine(["a", "b"])
        for _ in 0..<50 {
            let address = send(&two, avoiding: ["a"], at: 0) { _ in .success }
            #expect(address == "b")
        }
        var one = EndpointMachine(["a"])
        let only = send(&one, avoiding: ["a"], at: 0) { _ in .success }
        #expect(only == "a")
    }

    @Test("new addresses join, old ones go, what is known about those that stay is kept, and none at all changes nothing")
    mutating func updating() {
        var machine = EndpointMachine(["a", "b"])
        for _ in 0..<100 { _ = send(&machine, at: 0) { $0 == "b" ? .failure : .success } }
        machine.update([])
        machine.update(["b", "c", "c"])
        #expect(machine.endpoints.map(\.address) == ["b", "c"])
        #expect(machine.endpoints[0].isOut(at(1)))
        machine.ended("a", .failure, at: at(1))
    }
}
