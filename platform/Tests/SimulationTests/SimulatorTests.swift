import Basics
import Simulation
import Testing

@Suite("Simulator")
struct SimulatorTests {
    @Test("events run in the order of their times, those of the same time in the order in which they were planned")
    func order() {
        let simulator = Simulator(seed: 1)
        var seen: [Int] = []
        for (index, delay) in [5, 1, 3, 1, 0].enumerated() { simulator.after(.seconds(delay), "event") { seen.append(index) } }
        simulator.run(until: .seconds(4))
        #expect(seen == [4, 1, 3, 2])
        #expect(simulator.clock.elapsed == .seconds(4))
        simulator.run(until: .seconds(10))
        #expect(seen == [4, 1, 3, 2, 0])
    }

    @Test("what an event plans runs too, at its time")
    func planned() {
        let simulator = Simulator(seed: 1)
        var times: [Duration] = []
        func tick() {
            times.append(simulator.clock.elapsed)
            simulator.after(.seconds(2), "tick", tick)
        }
        simulator.after(.seconds(1), "tick", tick)
        simulator.run(until: .seconds(6))
        #expect(times == [.seconds(1), .seconds(3), .seconds(5)])
    }

    @Test("chance replays from its seed, and exponential times have their mean")
    func random() {
        var (a, b, c) = (SeededRandom(seed: 1), SeededRandom(seed: 1), SeededRandom(seed: 2))
        let (first, same, other) = ((0..<10).map { _ in a.next() }, (0..<10).map { _ in b.next() }, (0..<10).map { _ in c.next() })
        #expect(first == same)
        #expect(first != other)
        var sum = Duration.zero
        for _ in 0..<100_000 { sum += a.around(.milliseconds(20)) }
        #expect((1.96...2.04).contains(sum.inSeconds / 1000))
    }
}
