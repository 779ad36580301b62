public import HTTPPath

/// Datadog's monitors and service level objectives, each as the body of the call that creates it.
public enum DatadogMonitors {
    public static func monitor(_ alert: Alert) -> JSON {
        let isAbsence = alert.missing == .isTheFault
        let query = DatadogQuery().monitor(alert.query, over: alert.window)
        // A start time is never below zero: what is left of such a monitor is its rule for missing data.
        let condition = isAbsence ? "\(query) < 0" : "\(query) > \(number(alert.above))"
        return .members([
            "name": .string("hello-dd: \(alert.name)"), "type": .string("query alert"), "query": .string(condition),
            "message": .string(message(alert.summary, alert.runbook, isAbsence: isAbsence)), "tags": tags(alert.severity),
            "priority": .integer(priority(alert.severity)),
            "options": .members([
                "thresholds": isAbsence
                    ? .members(["critical": .integer(0)])
                    : .members([
                        "critical": .decimal(alert.above), "critical_recovery": alert.recoversAt < alert.above ? .decimal(alert.recoversAt) : nil,
                    ]),
                "notify_no_data": .bool(isAbsence), "no_data_timeframe": isAbsence ? .integer(Int64(max(2, alert.window.seconds / 60 * 2))) : nil,
                // Whole windows only would mean no evaluation of what is emitted now and then.
                "require_full_window": .bool(false), "include_tags": .bool(true), "new_group_delay": .integer(60), "renotify_interval": .integer(0),
                "notify_audit": .bool(false),
            ]),
        ])
    }

    public static func monitor(_ level: ServiceLevel, _ burn: ServiceLevel.Burn) -> JSON {
        let query =
            "burn_rate(\"\(placeholder(level))\").over(\"\(ServiceLevel.days)d\").long_window(\"\(burn.long)\").short_window(\"\(burn.short)\")"
        let summary = "\(level.title): the error budget burns \(number(burn.rate)) times too fast (\(burn.spent) of it within \(burn.long))"
        return .members([
            "name": .string("hello-dd: \(level.alertName(burn))"), "type": .string("slo alert"), "query": .string("\(query) > \(number(burn.rate))"),
            "message": .string(message(summary, level.runbook, isAbsence: false)), "tags": tags(burn.severity, service: level.service),
            "priority": .integer(priority(burn.severity)),
            "options": .members(["thresholds": .members(["critical": .decimal(burn.rate)]), "include_tags": .bool(true)]),
        ])
    }

    public static func objective(_ level: ServiceLevel) -> JSON {
        let query = DatadogQuery()
        return .members([
            "name": .string("hello-dd: \(level.name)"), "type": .string("metric"), "description": .string("\(level.title). \(level.runbook)"),
            "query": .members(["numerator": .string(query.total(level.good)), "denominator": .string(query.total(level.total))]),
            "thresholds": .array([.members(["timeframe": .string("\(ServiceLevel.days)d"), "target": .decimal(level.target * 100)])]),
            "tags": .strings(["team:shop", "service:\(level.service)", "managed-by:hello-dd"]),
        ])
    }

    /// Datadog gives an objective its id when it is created; whoever creates the monitors puts it here.
    static func placeholder(_ level: ServiceLevel) -> String { "${slo:\(level.name)}" }

    private static func message(_ summary: String, _ runbook: String, isAbsence: Bool) -> String {
        let summary = summary.replacing("{{", with: "{{").replacing("}}", with: ".name}}")
        let condition = isAbsence ? "no_data" : "alert"
        return """
            {{#is_\(condition)}}\(summary).{{/is_\(condition)}}
            {{#is_recovery}}It is over: \(summary).{{/is_recovery}}
            What to do: \(runbook)
            """
    }

    private static func tags(_ severity: Alert.Severity, service: String? = nil) -> JSON {
        .strings(["team:shop", "severity:\(severity.rawValue)", "managed-by:hello-dd"] + (service.map { ["service:\($0)"] } ?? []))
    }

    private static func priority(_ severity: Alert.Severity) -> Int64 {
        switch severity {
        case .page: 1
        case .ticket: 3
        case .info: 5
        }
    }
}
