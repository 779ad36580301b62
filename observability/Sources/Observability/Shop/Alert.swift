/// Something that somebody is to know of, declared once. Its Datadog monitor and its Prometheus rule are both made of it.
public struct Alert: Sendable {
    public enum Severity: String, Sendable {
        /// Somebody is woken.
        case page
        /// Somebody looks at it on the next working day.
        case ticket
        /// Nobody has to do anything; it explains what else is seen.
        case info
    }

    /// What it means that there are no data.
    public enum Missing: Sendable {
        /// There was nothing to count, so nothing is wrong.
        case isFine
        /// This is what the alert is for.
        case isTheFault
    }

    /// How it was seen to fire and to recover.
    public enum Proof: Sendable {
        /// In a real Prometheus that scrapes a running shop, under this fault.
        case running(String)
        /// On synthetic series only, because: …
        case series(String)
    }

    /// Camel case, as Prometheus' rules are named.
    public let name: String
    public let severity: Severity
    /// What is wrong, in a sentence; `{{service}}` is the group's.
    public let summary: String
    public let query: MetricQuery
    public let window: Window
    /// It fires above this, …
    public let above: Double
    /// … and recovers when it has come down to this: a value that swings around one bound would ring all night.
    public let recoversAt: Double
    /// How long the condition must hold, in Prometheus. In Datadog the window alone decides.
    public let hold: Window
    public let missing: Missing
    public let proof: Proof

    init(
        _ name: String, _ severity: Severity, _ summary: String, _ query: MetricQuery, over window: Window, above: Double, recoversAt: Double,
        hold: Window = .minutes(1), missing: Missing = .isFine, proof: Proof
    ) {
        precondition(recoversAt <= above, "\(name) would recover before it fires")
        self.name = name
        self.severity = severity
        self.summary = summary
        self.query = query
        self.window = window
        self.above = above
        self.recoversAt = recoversAt
        self.hold = hold
        self.missing = missing
        self.proof = proof
    }

    /// The page that says what to do.
    public var runbook: String { Runbook.path(name) }
}

enum Runbook {
    static let folder = "docs/operations"

    /// `ServiceErrors`: `docs/operations/service-errors.md`.
    static func path(_ name: String) -> String {
        var words = ""
        for character in name {
            if character.isUppercase, !words.isEmpty { words += "-" }
            words.append(character)
        }
        return "\(folder)/\(words.lowercased()).md"
    }
}
