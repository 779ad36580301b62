import HTTPPath

extension JSON {
    /// Members in this order; those that are nil are left out.
    static func members(_ members: KeyValuePairs<String, JSON?>) -> JSON {
        .object(members.compactMap { name, value in value.map { JSON.Member(name, $0) } })
    }

    static func decimal(_ value: Double) -> JSON { value == value.rounded() ? .integer(Int64(value)) : .number(Observability.number(value)) }

    static func strings(_ values: [String]) -> JSON { .array(values.map(JSON.string)) }
}
