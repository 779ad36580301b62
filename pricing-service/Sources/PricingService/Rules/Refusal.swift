import PricingAPI

/// A well-formed question that has no answer: what the caller said cannot be priced, quoted or redeemed.
struct Refusal: Error, Hashable, CustomStringConvertible {
    var code: PricingErrorCode
    /// JSON Pointer into the request's body, where one place is to blame.
    var pointer: String?
    /// One sentence for a person.
    var detail: String

    init(_ code: PricingErrorCode, at pointer: String? = nil, _ detail: String) {
        self.code = code
        self.pointer = pointer
        self.detail = detail
    }

    var description: String { "\(code): \(detail)" }
}
