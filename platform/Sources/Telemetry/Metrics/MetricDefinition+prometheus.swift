extension MetricDefinition {
    /// As the text exposition names it, without a histogram's `_bucket`, `_sum` and `_count`.
    public var prometheusName: String { PrometheusText.name(of: self) }

    /// As the text exposition names one of its attributes.
    public static func prometheusLabel(_ attribute: String) -> String { PrometheusText.labelName(attribute) }
}
