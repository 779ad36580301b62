import Basics
import Database
import InventoryAPI
import TestKit
import Testing

@testable import InventoryService

/// On PostgreSQL transactions really run side by side. Here one call is stopped before each of its statements in turn, and a second call
/// runs in that gap until it has ended or waits for a lock of the first. What both answer, and what is stored then, must be what one after
/// the other gives, in one order or the other. A deadlock is not run again here, so it fails the test.
@Suite("Two calls at the same moment")
struct InterleavingTests {
    typealias Operation = Interleaving.Operation

    struct Result: Hashable, CustomStringConvertible {
        var first: Interleaving.Answer
        var second: Interleaving.Answer
        var stored: [String]

        var description: String { "\(first) | \(second) | \(stored.joined(separator: "; "))" }
    }

    /// Which of the two goes through a batch; the plain calls are what those in batches are compared with.
    enum Way: String, CaseIterable, Sendable {
        case alone, firstInBatch, secondInBatch, inBatches
    }

    @Test("do what they would do one after the other, wherever they meet", arguments: Interleaving.Scene.allCases, Way.allCases)
    func everywhere(_ scene: Interleaving.Scene, _ way: Way) async throws {
        let warehouse = try await Warehouse(.postgres, attempts: 1, batchSize: 1)
        var number = 0
        var waits = 0
        for first in Operation.among(scene) {
            for second in Operation.among(scene) {
                var serial: [Result] = []
                for isReversed in [false, true] {
                    number += 1
                    serial.append(try await Self.oneAfterTheOther(first, second, isReversed, Interleaving(scene, warehouse, number: number)))
                }
                var point = 0
                while true {
                    number += 1
                    let interleaving = try await Interleaving(scene, warehouse, number: number)
                    let (result, hasMet, hasWaited) = try await Self.meet(first, second, at: point, way, interleaving)
                    #expect(serial.contains(result), "\(scene): \(first), stopped before statement \(point), and \(second); in turn: \(serial)")
                    waits += hasWaited ? 1 : 0
                    guard hasMet else { break }
                    point += 1
                }
            }
        }
        #expect(waits > 0, "the calls never met")
        try await warehouse.expectBooksBalance()
    }

    private static func oneAfterTheOther(
        _ first: Operation, _ second: Operation, _ isReversed: Bool, _ interleaving: Interleaving
    ) async throws -> Result {
        let database = interleaving.warehouse.database
        let (one, other) = isReversed ? (second, first) : (first, second)
        let answers = [try await interleaving.perform(one, on: database), try await interleaving.perform(other, on: database)]
        return try await result(isReversed ? answers[1] : answers[0], isReversed ? answers[0] : answers[1], interleaving)
    }

    private static func meet(
        _ first: Operation, _ second: Operation, at point: Int, _ way: Way, _ interleaving: Interleaving
    ) async throws -> (Result, hasMet: Bool, hasWaited: Bool) {
        let database = interleaving.warehouse.database
        let pausing = PausingDatabase(database, at: point)
        async let one = pausing.running { database in await answer { try await interleaving.perform(first, on: database) } }
        let hasMet = await pausing.hasStopped()
        let isOver = Gate()
        async let other = {
            let answer = await answer { try await interleaving.perform(second, on: database) }
            isOver.open()
            return answer
        }()
        var hasWaited = false
        while hasMet && !isOver.isOpen && !hasWaited { hasWaited = try await isAnybodyWaiting(database) }
        pausing.goOn()
        let answers = [await one, await other]
        return (try await result(answers[0], answers[1], interleaving), hasMet, hasWaited)
    }

    /// An error that no caller should see is no answer that one after the other gives.
    private static func answer(_ body: () async throws -> Interleaving.Answer) async -> Interleaving.Answer {
        do { return try await body() } catch { return .failed("\(error)") }
    }

    private static func result(
        _ first: Interleaving.Answer, _ second: Interleaving.Answer, _ interleaving: Interleaving
    ) async throws -> Result {
        let stored = try await interleaving.outcome()
        // Nothing overdue is left for the sweeps of the scenes to come.
        if interleaving.scene == .due {
            interleaving.warehouse.clock.advance(by: .seconds(2))
            while try await interleaving.warehouse.reservations.expireDue() > 0 {}
        }
        return Result(first: first, second: second, stored: stored)
    }

    /// Whether a connection of this database waits for a lock.
    private static func isAnybodyWaiting(_ database: any Database) async throws -> Bool {
        try await !database.query(
            """
            SELECT 1 AS one FROM pg_stat_activity
            WHERE application_name = current_setting('application_name') AND wait_event_type = 'Lock' LIMIT 1
            """
        ).isEmpty
    }
}
