import Resilience
import Testing

@testable import Database

@Suite(.timeLimit(.minutes(5))) struct PoolTests {
    @Test("the one resource is lent first come, first served")
    func order() async throws {
        let pool = Pool([0], waiterLimit: 10, what: "the thing", name: "things")
        let first = try await pool.checkout()
        var tasks: [Task<Int, any Error>] = []
        for count in 1...5 {
            // Each gives back one more than it got.
            tasks.append(
                Task {
                    let got = try await pool.checkout()
                    pool.checkin(got + 1)
                    return got
                })
            while pool.waiterCount < count { await Task.yield() }
        }
        pool.checkin(first)
        for (index, task) in tasks.enumerated() { #expect(try await task.value == index) }
    }

    @Test("handing over fails when nobody waits, and the resource stays the caller's")
    func handOver() async throws {
        let pool = Pool([7], waiterLimit: 10, what: "the thing", name: "things")
        let resource = try await pool.checkout()
        #expect(!pool.handOver(resource))
        let waiter = Task { try await pool.checkout() }
        while pool.waiterCount < 1 { await Task.yield() }
        #expect(pool.handOver(resource))
        #expect(try await waiter.value == 7)
    }

    @Test("every waiter is answered at its own deadline, in whatever order the deadlines are, and none is lost")
    func deadlines() async throws {
        let pool = Pool([0], waiterLimit: 5000, what: "the thing", name: "things")
        let resource = try await pool.checkout()
        let codes = await withTaskGroup(of: DatabaseError.Code?.self) { group in
            for index in 0..<3000 {
                group.addTask {
                    await Deadline.with(.after(.microseconds(1000 + index * 7919 % 10_000))) {
                        do throws(DatabaseError) {
                            _ = try await pool.checkout()
                            return nil
                        } catch {
                            return error.code
                        }
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(codes.count == 3000)
        #expect(codes.allSatisfy { $0 == .timeout })
        #expect(pool.waiterCount == 0)
        pool.checkin(resource)
        _ = try await pool.checkout()
    }

    @Test("a waiter whose deadline has passed unnoticed is passed over for the next one")
    func passedOver() async throws {
        let pool = Pool(["thing"], waiterLimit: 10, what: "the thing", name: "things")
        let resource = try await pool.checkout()
        let deadline = Deadline.after(.milliseconds(20))
        let late = Task { try await Deadline.with(deadline) { try await pool.checkout() } }
        while pool.waiterCount < 1, !deadline.hasPassed { await Task.yield() }
        let patient = Task { try await pool.checkout() }
        while !deadline.hasPassed { await Task.yield() }
        pool.checkin(resource)
        try await expect(.timeout) { _ = try await late.value }
        #expect(try await patient.value == "thing")
    }

    @Test("closing refuses newcomers, serves those who wait, and ends when all is back")
    func close() async throws {
        let pool = Pool([1, 2], waiterLimit: 10, what: "the thing", name: "things")
        let (first, second) = (try await pool.checkout(), try await pool.checkout())
        let waiter = Task { try await pool.checkout() }
        while pool.waiterCount < 1 { await Task.yield() }
        let closed = Event()
        let closing = Task {
            await pool.close()
            closed.happen()
        }
        while try await code({ _ = try await Deadline.with(.after(.milliseconds(1))) { try await pool.checkout() } }) != .closed {
            await Task.yield()
        }
        pool.checkin(first)
        let third = try await waiter.value
        pool.checkin(second)
        #expect(!closed.hasHappened)
        pool.checkin(third)
        await closing.value
        await pool.close()
    }
}

extension Pool {
    fileprivate func checkout() async throws(DatabaseError) -> Resource {
        var meter = DatabaseInstruments.Meter()
        return try await checkout(&meter)
    }
}
