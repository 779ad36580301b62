/// A dimension of a metric: its name in OpenTelemetry's spelling, and what bounds its values. A dimension whose values a caller can
/// choose freely would make series without end, so none may be declared without a bound.
public struct MetricAttribute: Sendable, Hashable {
    /// Where the values come from.
    public enum Values: Sendable, Hashable {
        /// These and no others; the declaration is the truth.
        case oneOf([String])
        /// From a set that another part of the program fixes, such as its routes.
        /// - Parameters:
        ///   - source: what fixes it, in a few words, for the documentation.
        ///   - most: how many there can be.
        case from(_ source: String, most: Int)
    }

    public let name: String
    public let values: Values

    public init(_ name: String, _ values: Values) {
        self.name = name
        self.values = values
    }

    public static func oneOf(_ name: String, _ values: String...) -> MetricAttribute { MetricAttribute(name, .oneOf(values)) }

    public static func from(_ name: String, _ source: String, most: Int) -> MetricAttribute { MetricAttribute(name, .from(source, most: most)) }
}
