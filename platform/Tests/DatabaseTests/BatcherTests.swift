import Resilience
import Synchronization
import Testing

@testable import Database

/// Runs batches as a test says: each is written down, and goes on when it is let go.
private final class Script: Sendable {
    typealias Answer = @Sendable ([Int]) async throws -> [Result<Int, any Error>]

    private struct State {
        var batches: [[Int]] = []
        var deadlines: [Deadline?] = []
        var held: [Event] = []
    }

    private let state = Mutex(State())
    let holds: Bool

    init(holds: Bool = true) { self.holds = holds }

    var batches: [[Int]] { state.withLock { $0.batches } }
    var deadlines: [Deadline?] { state.withLock { $0.deadlines } }

    /// Returns when `count` batches have begun.
    func begun(_ count: Int) async { while batches.count < count { await Task.yield() } }

    /// Lets a batch go on, by its number from 0.
    func letGo(_ number: Int) { state.withLock { $0.held[number] }.happen() }

    func run(_ inputs: [Int], _ answer: Answer = { $0.map { .success($0 * 10) } }) async throws -> [Result<Int, any Error>] {
        let event = Event()
        state.withLock { state in
            state.batches.append(inputs)
            state.deadlines.append(Deadline.current)
            state.held.append(event)
        }
        if holds { await event.wait() }
        return try await answer(inputs)
    }
}

private struct Unlucky: Error, Equatable { let input: Int }

@Suite("Batcher", .timeLimit(.minutes(5))) struct BatcherTests {
    private let script = Script()

    private func batcher(
        lanes: Int = 1, most: Int = 64, waiterLimit: Int = 100, writes: Bool = true, keyModulo modulus: Int = .max,
        _ answer: @escaping Script.Answer = { $0.map { .success($0 * 10) } }
    ) -> Batcher<Int, Int> {
        var options = Batcher<Int, Int>.Options()
        (options.lanes, options.most, options.waiterLimit, options.writes) = (lanes, most, waiterLimit, writes)
        let script = script
        return Batcher(options, conflictKey: { $0 % modulus }, { try await script.run($0, answer) })
    }

    /// Makes calls one after the other, each waiting before the next is made.
    private func calls(_ inputs: some Sequence<Int>, of batcher: Batcher<Int, Int>) async -> [Task<Int, any Error>] {
        var tasks: [Task<Int, any Error>] = []
        for input in inputs {
            let before = batcher.statistics.joined
            tasks.append(Task { try await batcher(input) })
            while batcher.statistics.joined == before { await Task.yield() }
        }
        return tasks
    }

    /// A call that is in batch `number` when this returns.
    private func first(_ input: Int, of batcher: Batcher<Int, Int>, inBatch number: Int = 0) async -> Task<Int, any Error> {
        let task = Task { try await batcher(input) }
        await script.begun(number + 1)
        return task
    }

    // MARK: Coalescing

    @Test("a call that finds a lane free runs at once and alone; those that come meanwhile share the next batch, each with its own result")
    func coalesces() async throws {
        let batcher = batcher()
        let first = await first(0, of: batcher)
        let rest = await calls(1...5, of: batcher)
        script.letGo(0)
        #expect(try await first.value == 0)
        await script.begun(2)
        script.letGo(1)
        for (index, task) in rest.enumerated() { #expect(try await task.value == (index + 1) * 10) }
        #expect(script.batches == [[0], [1, 2, 3, 4, 5]])
        #expect((batcher.statistics.batches, batcher.statistics.calls, batcher.statistics.largest) == (2, 6, 5))
    }

    @Test("there are as many batches at the same time as there are lanes, and none has more calls than allowed")
    func bounds() async throws {
        let batcher = batcher(lanes: 2, most: 3)
        let one = await first(0, of: batcher)
        let two = await first(1, of: batcher, inBatch: 1)
        let rest = await calls(2...9, of: batcher)
        #expect(script.batches == [[0], [1]])
        script.letGo(1)
        await script.begun(3)
        #expect(script.batches.last == [2, 3, 4])
        script.letGo(0)
        await script.begun(4)
        #expect(script.batches.last == [5, 6, 7])
        script.letGo(2)
        await script.begun(5)
        script.letGo(3)
        script.letGo(4)
        for task in [one, two] + rest { _ = try await task.value }
        #expect(script.batches.last == [8, 9])
    }

    @Test("one caller more than may wait is refused, and the others are served")
    func waiterLimit() async throws {
        let batcher = batcher(waiterLimit: 2)
        let first = await first(0, of: batcher)
        let rest = await calls(1...2, of: batcher)
        try await expect(.poolExhausted) { _ = try await batcher(3) }
        script.letGo(0)
        await script.begun(2)
        script.letGo(1)
        for task in [first] + rest { _ = try await task.value }
    }

    @Test("a burst goes in few batches though nobody waits for a timer")
    func burst() async throws {
        let script = Script(holds: false)
        let batcher = Batcher<Int, Int> { try await script.run($0) }
        let sum = try await withThrowingTaskGroup(of: Int.self) { group in
            for input in 0..<2000 { group.addTask { try await batcher(input) } }
            return try await group.reduce(0, +)
        }
        #expect(sum == 10 * 1999 * 1000)
        #expect(batcher.statistics.calls == 2000 && batcher.statistics.largest <= 64)
        #expect(script.batches.flatMap { $0 }.sorted() == Array(0..<2000))
    }

    @Test("two calls with the same key are never in flight together, and the later one is not lost")
    func conflicts() async throws {
        let batcher = batcher(lanes: 2, keyModulo: 10)
        let one = await first(1, of: batcher)
        // Both lanes are there, but what has the key 1 waits for the batch that has it.
        let two = await first(2, of: batcher, inBatch: 1)
        let rest = await calls([11, 3, 13, 21], of: batcher)
        script.letGo(1)
        await script.begun(3)
        #expect(script.batches.last == [3])
        script.letGo(0)
        await script.begun(4)
        #expect(script.batches.last == [11])
        script.letGo(2)
        await script.begun(5)
        #expect(script.batches.last == [13])
        script.letGo(3)
        await script.begun(6)
        #expect(script.batches.last == [21])
        script.letGo(4)
        script.letGo(5)
        for task in [one, two] + rest { _ = try await task.value }
    }

    // MARK: Deadlines and cancellation

    @Test("a batch runs until its latest caller's deadline, and without one if a caller has none")
    func latestDeadline() async throws {
        let batcher = batcher()
        let first = await first(0, of: batcher)
        let (soon, late) = (Deadline.after(.seconds(100)), Deadline.after(.seconds(200)))
        func call(_ input: Int, _ deadline: Deadline) async -> Task<Int, any Error> {
            let before = batcher.statistics.joined
            let task = Task { try await Deadline.with(deadline) { try await batcher(input) } }
            while batcher.statistics.joined == before { await Task.yield() }
            return task
        }
        var tasks = [first, await call(1, soon), await call(2, late), await call(3, soon)]
        script.letGo(0)
        await script.begun(2)
        tasks += [await call(4, soon)] + (await calls([5], of: batcher))
        script.letGo(1)
        await script.begun(3)
        script.letGo(2)
        for task in tasks { _ = try await task.value }
        #expect(script.deadlines == [nil, late, nil])
    }

    @Test("a waiting caller leaves at its deadline or when it is cancelled, and its call is never run")
    func leavesWaiting() async throws {
        let batcher = batcher()
        let first = await first(0, of: batcher)
        let late = Task { try await Deadline.with(.after(.milliseconds(20))) { try await batcher(1) } }
        try await expect(.timeout) { _ = try await late.value }
        let cancelled = await calls([2], of: batcher)[0]
        cancelled.cancel()
        try await expect(.cancelled) { _ = try await cancelled.value }
        let patient = await calls([3], of: batcher)[0]
        #expect(batcher.statistics.waiting == 1)
        script.letGo(0)
        await script.begun(2)
        script.letGo(1)
        _ = try await first.value
        #expect(try await patient.value == 30)
        #expect(script.batches == [[0], [3]])
    }

    @Test("who leaves a batch at work is told that its outcome is not known, and neither cancels the batch nor shortens its deadline")
    func leavesRunning() async throws {
        let cancellations = Mutex(0)
        let batcher = batcher { inputs in
            if Task.isCancelled { cancellations.withLock { $0 += 1 } }
            return inputs.map { .success($0) }
        }
        let first = await first(0, of: batcher)
        // Made sure to be in one batch by the order in which they wait.
        let deadline = Deadline.after(.milliseconds(200))
        let late = Task { try await Deadline.with(deadline) { try await batcher(1) } }
        while batcher.statistics.waiting < 1, !deadline.hasPassed { await Task.yield() }
        let rest = await calls([2, 3], of: batcher)
        script.letGo(0)
        await script.begun(2)
        rest[0].cancel()
        try await expect(.commitUnknown) { _ = try await rest[0].value }
        if try await code({ _ = try await late.value }) == .timeout {
            // A machine so busy that the deadline passed before the batch began.
            #expect(script.batches[1] == [2, 3])
        } else {
            try await expect(.commitUnknown) { _ = try await late.value }
        }
        #expect(script.deadlines[1] == nil)
        script.letGo(1)
        #expect(try await rest[1].value == 3)
        _ = try await first.value
        #expect(cancellations.withLock { $0 } == 0)
    }

    @Test("where batches only read, who leaves one is told the plain reason")
    func leavesReading() async throws {
        let batcher = batcher(writes: false)
        let first = await first(0, of: batcher)
        first.cancel()
        try await expect(.cancelled) { _ = try await first.value }
        let late = Task { try await Deadline.with(.after(.milliseconds(20))) { try await batcher(1) } }
        try await expect(.timeout) { _ = try await late.value }
        script.letGo(0)
        await batcher.shutdown()
    }

    @Test("a caller that is cancelled or late already does not begin")
    func neverBegins() async throws {
        let batcher = batcher()
        try await Deadline.with(.after(.zero)) { try await expect(.timeout) { _ = try await batcher(1) } }
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            return try await batcher(2)
        }
        task.cancel()
        try await expect(.cancelled) { _ = try await task.value }
        #expect(script.batches.isEmpty)
    }

    // MARK: Errors

    @Test("an error isolates the guilty call: the others of its batch are run again one by one, each for its own answer")
    func isolates() async throws {
        let batcher = batcher { inputs in
            if inputs.contains(2) { throw DatabaseError(.checkViolation, "no") }
            if inputs.contains(3) { throw Unlucky(input: 3) }
            return inputs.map { .success($0) }
        }
        let first = await first(0, of: batcher)
        let rest = await calls(1...4, of: batcher)
        for number in 0...5 {
            await script.begun(number + 1)
            script.letGo(number)
        }
        #expect(try await first.value == 0)
        #expect(try await rest[0].value == 1)
        try await expect(.checkViolation) { _ = try await rest[1].value }
        await #expect(throws: Unlucky(input: 3)) { try await rest[2].value }
        #expect(try await rest[3].value == 4)
        #expect(script.batches == [[0], [1, 2, 3, 4], [1], [2], [3], [4]])
        #expect(batcher.statistics.rerun == 1)
    }

    @Test("a result that is a refusal is its own call's, and nothing is run again")
    func refusals() async throws {
        let batcher = batcher { $0.map { $0 == 2 ? .failure(Refusal()) : .success($0) } }
        let first = await first(0, of: batcher)
        let rest = await calls(1...2, of: batcher)
        script.letGo(0)
        await script.begun(2)
        script.letGo(1)
        _ = try await first.value
        #expect(try await rest[0].value == 1)
        await #expect(throws: Refusal.self) { try await rest[1].value }
        #expect(script.batches.count == 2)
    }

    @Test(
        "what is no call's fault all of its callers get, and nothing is run again",
        arguments: [
            DatabaseError.Code.commitUnknown, .connectionLost, .unavailable, .timeout, .cancelled, .deadlock, .serializationFailure, .busy, .closed,
            .poolExhausted, .diskFull, .readOnly, .corrupt,
        ])
    func shared(_ code: DatabaseError.Code) async throws {
        let batcher = batcher { inputs in
            if inputs.count > 1 { throw DatabaseError(code, "gone") }
            return inputs.map { .success($0) }
        }
        let first = await first(0, of: batcher)
        let rest = await calls(1...3, of: batcher)
        script.letGo(0)
        await script.begun(2)
        script.letGo(1)
        _ = try await first.value
        for task in rest { try await expect(code) { _ = try await task.value } }
        #expect(script.batches.count == 2)
    }

    @Test("who left is not run again when its batch failed")
    func leftBeforeRerun() async throws {
        let batcher = batcher { inputs in
            if inputs.count > 1 { throw DatabaseError(.checkViolation, "no") }
            return inputs.map { .success($0) }
        }
        let first = await first(0, of: batcher)
        let rest = await calls(1...2, of: batcher)
        script.letGo(0)
        await script.begun(2)
        rest[0].cancel()
        try await expect(.commitUnknown) { _ = try await rest[0].value }
        script.letGo(1)
        await script.begun(3)
        script.letGo(2)
        #expect(try await rest[1].value == 2)
        _ = try await first.value
        #expect(script.batches == [[0], [1, 2], [2]])
    }

    // MARK: Ending

    @Test("shutting down serves those who wait, and refuses newcomers")
    func shutdown() async throws {
        let batcher = batcher()
        let first = await first(0, of: batcher)
        let rest = await calls(1...2, of: batcher)
        let end = Task { await batcher.shutdown() }
        while true {
            // Refused as soon as the shutdown has begun; a call that was quicker waits like the others.
            let newcomer = Task { try await Deadline.with(.after(.milliseconds(1))) { try await batcher(3) } }
            if try await code({ _ = try await newcomer.value }) == .closed { break }
        }
        script.letGo(0)
        await script.begun(2)
        script.letGo(1)
        for task in [first] + rest { _ = try await task.value }
        await end.value
        await batcher.shutdown()
    }

    @Test("whatever callers do at the same moment, each is answered once", arguments: 0..<4)
    func storm(_ round: Int) async throws {
        let script = Script(holds: false)
        var options = Batcher<Int, Int>.Options()
        options.most = 16
        let key: @Sendable (Int) -> AnyHashable = { $0 % 97 }
        let batcher = Batcher<Int, Int>(options, conflictKey: key) { inputs in
            await Task.yield()
            return try await script.run(inputs)
        }
        let answers = await withTaskGroup(of: Bool.self) { group in
            for input in 0..<1000 {
                group.addTask {
                    let task = Task {
                        try await Deadline.with(.after(input % 3 == 0 ? .microseconds(input * 7) : .seconds(100))) { try await batcher(input) }
                    }
                    if input % 5 == round { task.cancel() }
                    switch await task.result {
                    case .success(let value): return value == input * 10
                    case .failure(let error): return [.timeout, .cancelled, .commitUnknown].contains((error as? DatabaseError)?.code)
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.count == 1000)
        #expect(answers.allSatisfy { $0 })
        await batcher.shutdown()
        #expect(script.batches.allSatisfy { Set($0.map { $0 % 97 }).count == $0.count })
    }
}
