import HTTPPath
import HTTPTypes
public import ServiceKit

/// What the matrix is held against: a running service, its table, and whose rows must stay as they are.
public struct BadInputTarget: Sendable {
    let service: RunningService
    let examples: [RouteExample]
    private let counted: [RunningService]

    /// - Parameter others: services behind this one, whose tables must not change either.
    public init(_ service: RunningService, alsoCounting others: [RunningService] = [], examples: [RouteExample]) {
        self.service = service
        self.examples = examples
        counted = [service] + others
    }

    func counts() throws -> [String: Int] {
        var all: [String: Int] = [:]
        for service in counted { for (table, count) in try service.tableCounts() { all["\(service.name)/\(table)"] = count } }
        return all
    }
}

/// What became of every cell.
public struct BadInputReport: Sendable, CustomStringConvertible {
    public enum Outcome: Hashable, Sendable {
        case checked(requests: Int)
        case leftOut(reason: String)
        /// The route has nothing to spoil in this way.
        case inapplicable(reason: String)
    }

    public internal(set) var service = ""
    public internal(set) var cells: [(route: RouteKey, cell: BadInputCell, outcome: Outcome)] = []
    /// What is wrong, one sentence each. Empty is what a test wants.
    public internal(set) var findings: [String] = []

    public var requests: Int {
        cells.reduce(0) { sum, cell in if case .checked(let requests) = cell.outcome { sum + requests } else { sum } }
    }

    public var description: String {
        let routes = Set(cells.map(\.route)).count
        let left = cells.count { if case .leftOut = $0.outcome { true } else { false } }
        return "\(service): \(routes) routes, \(requests) bad requests, \(left) cells left out, \(findings.count) findings"
    }
}

extension BadInputReport {
    /// Sends everything that can be spoilt.
    init(spoiling target: BadInputTarget) async throws {
        let service = target.service
        self.service = service.name
        let document = try await service.client.get("/openapi.json").json
        let maxBody = try service.boot.settings(ServiceSettings.maxBody)
        let registered = Set(service.routes.map(\.key))
        for route in RequestSchema.routes(of: document).subtracting(registered.map(\.description)).sorted() {
            findings.append("\(route): the OpenAPI document describes it, and the service has no such route")
        }
        for example in target.examples where !registered.contains(example.key) {
            findings.append("\(example.key): the table has a row for it, and the service has no such route")
        }
        var counts = try target.counts()
        for entry in service.routes.sorted(by: { $0.key < $1.key }) {
            let examples = target.examples.filter { $0.key == entry.key }
            guard let example = examples.first ?? Self.standardExample(entry.key), examples.count <= 1 else {
                findings.append("\(entry.key): \(examples.isEmpty ? "no row" : "more than one row") in the table of bad input")
                continue
            }
            let schema = RequestSchema(document, entry.key)
            if schema == nil { findings.append("\(entry.key): the OpenAPI document does not describe it") }
            findings += Self.gaps(example, schema).map { "\(entry.key): \($0)" }
            let attempts = BadInputAttempts(example, entry, schema, maxBodyBytes: maxBody)
            findings += Self.badExcuses(example, attempts).map { "\(entry.key): \($0)" }
            for cell in BadInputCell.allCases {
                let tried = attempts.list.filter { attempt in attempt.cell == cell && !example.leftOut.contains { $0.covers(attempt) } }
                for attempt in tried {
                    let faults = try await Self.faults(attempt, entry, target, &counts)
                    findings += faults.map { "\(entry.key), \(cell), \(attempt.what): \($0)" }
                }
                let outcome: Outcome =
                    if !tried.isEmpty {
                        .checked(requests: tried.count)
                    } else if let reason = attempts.inapplicable[cell] {
                        .inapplicable(reason: reason)
                    } else {
                        .leftOut(reason: example.leftOut.filter { $0.cell == cell }.map(\.reason).joined(separator: "; "))
                    }
                cells.append((entry.key, cell, outcome))
            }
        }
    }

    private static func faults(
        _ attempt: BadInputAttempt, _ entry: Routes.Entry, _ target: BadInputTarget, _ counts: inout [String: Int]
    ) async throws -> [String] {
        var faults: [String]
        do {
            let exchange = try await target.service.client.send(
                entry.key.method.rawValue, attempt.path, as: attempt.caller, headers: attempt.headers, body: attempt.body,
                contentType: attempt.contentType,
                chunked: attempt.chunked)
            let expected = attempt.expected
            faults = problemFaults(exchange, statuses: expected.statuses, codes: expected.codes, pointer: expected.pointer)
            if !faults.isEmpty { faults = ["\(faults.joined(separator: "; ")); the answer: \(exchange.text.prefix(300))"] }
        } catch {
            faults = ["no answer: \(error)"]
        }
        let after = try target.counts()
        if after != counts {
            faults.append("rows changed in \(after.keys.filter { after[$0] != counts[$0] }.sorted().joined(separator: ", "))")
            counts = after
        }
        return faults
    }

    /// What the OpenAPI document names and the example lacks.
    private static func gaps(_ example: RouteExample, _ schema: RequestSchema?) -> [String] {
        guard let schema else { return [] }
        let excused = Set(example.leftOut.compactMap(\.pointer))
        var gaps = schema.query.map(\.name).filter { name in
            name != "cursor" && !excused.contains(name) && !example.query.contains { $0.key == name }
        }.map { "the example lacks the query parameter \($0)" }
        if case .json(let json) = example.body {
            if let body = schema.body(json) {
                gaps += body.missing.filter { !excused.contains($0) }.map { "the example lacks the field \($0)" }
            } else {
                gaps.append("the OpenAPI document describes no JSON body")
            }
        }
        return gaps
    }

    private static func badExcuses(_ example: RouteExample, _ attempts: BadInputAttempts) -> [String] {
        example.leftOut.flatMap { left -> [String] in
            var bad: [String] = []
            if left.reason.split(separator: " ").count < 3 { bad.append("\(left.cell) is left out without a reason") }
            if !attempts.list.contains(where: left.covers) {
                bad.append("\(left.cell)\(left.pointer.map { " at \($0)" } ?? "") is left out and would not be tried anyway")
            }
            return bad
        }
    }

    /// The standard routes are the same in every service, and so is their row.
    private static func standardExample(_ key: RouteKey) -> RouteExample? {
        guard Routes.standardAccess[key] != nil else { return nil }
        let reason = "probes and scrapers may add parameters of their own, and these routes read none"
        return RouteExample(key, leftOut: [.init(.unknownQuery, reason), .init(.duplicateQuery, reason), .init(.invalidUTF8, reason)])
    }
}
