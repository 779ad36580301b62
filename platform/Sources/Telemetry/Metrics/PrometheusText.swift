/// The text expositions: Prometheus' own format, version 0.0.4, and OpenMetrics 1.0, which has exemplars. Samples have the same names and
/// labels in both, so that it does not matter which one a scraper asks for.
enum PrometheusText {
    enum Format: Sendable {
        case prometheus, openMetrics
    }

    static func render(_ metrics: [MetricSnapshot], _ format: Format = .prometheus) -> String {
        let offset = format == .openMetrics ? Ticks.toUnixTime() : 0
        var text = ""
        text.reserveCapacity(metrics.reduce(0) { $0 + 128 + $1.series.count * 256 })
        for metric in metrics where !metric.series.isEmpty {
            let definition = metric.definition
            let name = name(of: definition)
            let help = metric.isDeclared ? escaped(definition.description, quotes: format == .openMetrics) : "(undeclared)"
            // To OpenMetrics a counter's family is called without what its samples end with.
            let family = format == .openMetrics && definition.kind == .counter ? String(name.dropLast("_total".count)) : name
            text += "# HELP \(family) \(help)\n# TYPE \(family) \(type(of: definition))\n"
            if format == .openMetrics, let unit = unitName(of: definition), family.hasSuffix("_\(unit)") { text += "# UNIT \(family) \(unit)\n" }
            for (labels, value) in metric.series {
                let pairs = rendered(labels)
                switch value {
                case .number(let number):
                    text += "\(name)\(braced(pairs)) \(rendered(number))\n"
                case .histogram(let histogram):
                    append(histogram, name, pairs, exemplarOffset: format == .openMetrics ? offset : nil, to: &text)
                }
            }
        }
        if format == .openMetrics { text += "# EOF\n" }
        return text
    }

    /// `http.server.request.duration`, a histogram in `s`: `http_server_request_duration_seconds`.
    static func name(of definition: MetricDefinition) -> String {
        var name = sanitized(definition.name)
        if definition.kind == .counter, name.hasSuffix("_total") { name.removeLast("_total".count) }
        if let unit = unitName(of: definition), !name.hasSuffix("_\(unit)") { name += "_\(unit)" }
        if definition.kind == .counter { name += "_total" }
        return name
    }

    /// Every name that the metric's samples take.
    static func names(of definition: MetricDefinition) -> [String] {
        let name = name(of: definition)
        return definition.kind == .histogram ? [name, "\(name)_bucket", "\(name)_sum", "\(name)_count"] : [name]
    }

    private static func append(
        _ histogram: HistogramSnapshot, _ name: String, _ pairs: [String], exemplarOffset: Int64?, to text: inout String
    ) {
        var below: UInt64 = 0
        for (index, count) in histogram.counts.enumerated() {
            below &+= count
            let bound = index < histogram.bounds.count ? rendered(histogram.bounds[index]) : "+Inf"
            text += "\(name)_bucket\(braced(pairs + ["le=\"\(bound)\""])) \(below)"
            if let exemplarOffset, let exemplar = histogram.exemplar(ofBucket: index) {
                text += " # {trace_id=\"\(exemplar.traceID)\",span_id=\"\(exemplar.spanID)\"} \(rendered(exemplar.value)) "
                text += String(Double(exemplar.time + exemplarOffset) / 1e9)
            }
            text += "\n"
        }
        text += "\(name)_sum\(braced(pairs)) \(rendered(histogram.sum))\n"
        text += "\(name)_count\(braced(pairs)) \(below)\n"
    }

    private static func type(of definition: MetricDefinition) -> String {
        switch definition.kind {
        case .counter: "counter"
        case .upDownCounter, .gauge: "gauge"
        case .histogram: "histogram"
        }
    }

    private static func unitName(of definition: MetricDefinition) -> String? {
        switch definition.unit.symbol {
        case "s": "seconds"
        case "ms": "milliseconds"
        case "us": "microseconds"
        case "ns": "nanoseconds"
        case "min": "minutes"
        case "h": "hours"
        case "d": "days"
        case "By": "bytes"
        case "%": "percent"
        case "1": definition.kind == .gauge ? "ratio" : nil
        case let other where other.isEmpty || other.hasPrefix("{"): nil
        case let other: sanitized(other)
        }
    }

    /// Labels whose names become equal (`a.b` and `a_b`) would spoil the whole scrape: the first of them stays.
    private static func rendered(_ labels: LabelSet) -> [String] {
        var names: Set<String> = []
        return labels.labels.compactMap { label in
            let name = labelName(label.name)
            guard names.insert(name).inserted else { return nil }
            return "\(name)=\"\(escaped(label.value, quotes: true))\""
        }
    }

    private static func braced(_ pairs: [String]) -> String { pairs.isEmpty ? "" : "{\(pairs.joined(separator: ","))}" }

    /// `le` is a histogram's own, a colon is for recording rules, and two underscores in front are Prometheus' own.
    static func labelName(_ name: String) -> String {
        let name = String(sanitized(name).map { $0 == ":" ? "_" : $0 })
        return name == "le" || name.hasPrefix("__") ? "label_\(name)" : name
    }

    private static func sanitized(_ name: String) -> String {
        let characters = name.unicodeScalars.map { scalar -> Character in
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", "_", ":": Character(scalar)
            default: "_"
            }
        }
        guard let first = characters.first else { return "_" }
        return first.isNumber ? "_" + String(characters) : String(characters)
    }

    private static func rendered(_ number: Double) -> String {
        if number.isNaN { return "NaN" }
        if number.isInfinite { return number < 0 ? "-Inf" : "+Inf" }
        // Beyond 2^53 a double is no longer exact, and the shortest notation is an exponent anyway.
        if let whole = Int64(exactly: number), abs(number) < 9_007_199_254_740_992 { return String(whole) }
        return number.description
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
