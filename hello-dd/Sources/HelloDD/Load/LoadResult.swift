internal import Basics
internal import HTTPPath
internal import Histogram

/// What one kind of request met.
struct StepResult: Sendable {
    var sent = 0
    var succeeded = 0
    var refused = 0
    var errors = 0
    /// Answers by status; 0 is none.
    var statuses: [Int: Int] = [:]
    /// Microseconds, up to an hour, to three digits.
    var times = Histogram<UInt32>(highestTrackableValue: 3_600_000_000, numberOfSignificantValueDigits: .three)

    enum Outcome: Hashable { case succeeded, refused, failed }

    /// - Parameter status: 0 where there was no answer.
    static func outcome(_ status: Int) -> Outcome {
        switch status {
        case 200..<400: .succeeded
        case 0, 429, 500...: .failed
        default: .refused
        }
    }

    mutating func record(_ status: Int, _ time: Duration) {
        sent += 1
        statuses[status, default: 0] += 1
        switch Self.outcome(status) {
        case .succeeded: succeeded += 1
        case .refused: refused += 1
        case .failed: errors += 1
        }
        times.record(UInt64(min(3_599_999_999, max(0, time.microseconds))))
    }

    mutating func add(_ other: StepResult) {
        sent += other.sent
        succeeded += other.succeeded
        refused += other.refused
        errors += other.errors
        statuses.merge(other.statuses) { $0 + $1 }
        times.add(other.times)
    }

    func percentile(_ percentile: Double) -> Duration { .microseconds(Int64(sent == 0 ? 0 : times.valueAtPercentile(percentile))) }
    var longest: Duration { .microseconds(Int64(sent == 0 ? 0 : times.maxRecorded)) }
}

/// What a run of load met; while it goes on, what it has met so far.
struct LoadResult: Sendable {
    /// A request of a journey, such as "order" of `buy`.
    struct Step: Hashable, Sendable {
        var journey: Journey
        var name: String
    }

    let plan: LoadPlan
    var steps: [Step: StepResult] = [:]
    var started = 0
    var finished = 0
    /// Not sent, because too many were under way.
    var leftOut = 0
    var retried = 0
    /// How far behind its schedule this program was at most when it sent a visitor off.
    var lateness = Duration.zero
    var elapsed = Duration.zero
    var isEndedEarly = false

    func total(of journey: Journey? = nil) -> StepResult {
        var total = StepResult()
        for (step, result) in steps where journey == nil || step.journey == journey { total.add(result) }
        return total
    }

    /// Visitors that were really sent, a second.
    var offeredRate: Double { elapsed > .zero ? Double(started) / elapsed.inSeconds : 0 }

    // MARK: For people

    func progress(style: Style) -> [String] {
        let total = total()
        let share = min(100, started * 100 / max(1, plan.count))
        let errors = total.errors > 0 ? style.paint("\(ImportView.grouped(total.errors)) errors", .bad) : "0 errors"
        return [
            "\(share) %  \(ImportView.grouped(started)) visitors  \(started - finished) under way  "
                + "p50 \(Self.milliseconds(total.percentile(50)))  p99 \(Self.milliseconds(total.percentile(99))) ms  \(errors)"
                + (leftOut > 0 ? style.paint("  \(leftOut) left out", .bad) : "")
        ]
    }

    func lines(_ verdicts: [Objective.Verdict], style: Style) -> [String] {
        var table = Table(
            header: ["request", "sent", "refused", "errors", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "max ms"],
            rightAligned: [1, 2, 3, 4, 5, 6, 7, 8])
        for (step, result) in sorted { table.rows.append(Self.cells("\(step.journey.rawValue): \(step.name)", result)) }
        let total = total()
        table.rows.append(Self.cells("all", total))
        var lines = [""] + table.lines()
        let unusual = total.statuses.filter { StepResult.outcome($0.key) != .succeeded }.sorted { $0.key < $1.key }
        if !unusual.isEmpty {
            let told = unusual.map { "\(ImportView.grouped($0.value)) × \($0.key == 0 ? "no answer" : String($0.key))" }
            lines.append("not successful: " + told.joined(separator: ", "))
        }
        lines.append(
            "offered: \(rateForPeople(offeredRate)) visitors a second of \(rateForPeople(plan.rate)); at most \(Self.milliseconds(lateness)) ms behind schedule"
        )
        if leftOut > 0 {
            lines.append(style.paint("\(ImportView.grouped(leftOut)) visitors were left out: \(plan.maxInFlight) were under way", .bad))
        }
        if retried > 0 { lines.append("\(ImportView.grouped(retried)) requests were sent again") }
        if isEndedEarly { lines.append("ended early") }
        for verdict in verdicts {
            lines.append(
                (verdict.isMet ? style.paint("✓", .good) : style.paint("✗", .bad)) + " \(verdict.objective.text): \(verdict.found)")
        }
        return lines
    }

    private var sorted: [(key: Step, value: StepResult)] {
        steps.sorted { ($0.key.journey.rawValue, $0.key.name) < ($1.key.journey.rawValue, $1.key.name) }
    }

    private static func cells(_ name: String, _ result: StepResult) -> [String] {
        [name] + [result.sent, result.refused, result.errors].map { ImportView.grouped($0) }
            + [50, 90, 99, 99.9].map { milliseconds(result.percentile($0)) } + [milliseconds(result.longest)]
    }

    static func milliseconds(_ duration: Duration) -> String { fixed(duration.microseconds / 10, decimals: 2) }

    // MARK: For programs

    func json(_ verdicts: [Objective.Verdict]) -> JSON {
        func object(_ result: StepResult) -> [JSON.Member] {
            [
                .init("sent", .integer(Int64(result.sent))), .init("succeeded", .integer(Int64(result.succeeded))),
                .init("refused", .integer(Int64(result.refused))), .init("errors", .integer(Int64(result.errors))),
                .init(
                    "statuses",
                    .object(result.statuses.sorted { $0.key < $1.key }.map { .init(String($0.key), .integer(Int64($0.value))) })),
                .init(
                    "microseconds",
                    .object(
                        [("p50", 50.0), ("p90", 90), ("p95", 95), ("p99", 99), ("p99.9", 99.9)].map {
                            .init($0.0, .integer(result.percentile($0.1).microseconds))
                        } + [.init("max", .integer(result.longest.microseconds))])),
            ]
        }
        return .object([
            .init("rate", .object([.init("planned", .string(rateForPeople(plan.rate))), .init("offered", .string(rateForPeople(offeredRate)))])),
            .init(
                "visitors",
                .object([
                    .init("planned", .integer(Int64(plan.count))), .init("started", .integer(Int64(started))),
                    .init("finished", .integer(Int64(finished))), .init("leftOut", .integer(Int64(leftOut))),
                ])),
            .init("retried", .integer(Int64(retried))), .init("endedEarly", .bool(isEndedEarly)),
            .init("latenessMicroseconds", .integer(lateness.microseconds)), .init("total", .object(object(total()))),
            .init(
                "requests",
                .array(
                    sorted.map { step, result in
                        .object([.init("journey", .string(step.journey.rawValue)), .init("request", .string(step.name))] + object(result))
                    })),
            .init(
                "objectives",
                .array(
                    verdicts.map {
                        .object([.init("objective", .string($0.objective.text)), .init("met", .bool($0.isMet)), .init("found", .string($0.found))])
                    })),
        ])
    }
}
