import HTTPPath
import PricingAPI

/// A well-formed question that has no answer: what the caller said cannot be priced, quoted, changed or redeemed.
struct Refusal: ProblemConvertible, Hashable, CustomStringConvertible {
    var code: PricingErrorCode
    /// One sentence for a person.
    var detail: String
    /// The places in the request that are to blame, where there are any.
    var errors: [FieldError]

    init(_ code: PricingErrorCode, _ detail: String, errors: [FieldError] = []) {
        self.code = code
        self.detail = detail
        self.errors = errors
    }

    /// One place is to blame.
    /// - Parameter pointer: JSON Pointer into the body.
    init(_ code: PricingErrorCode, at pointer: String, _ detail: String) {
        self.init(code, detail, errors: [FieldError(pointer: pointer, detail: detail)])
    }

    var description: String { "\(code): \(detail)" }

    /// As it travels.
    var problem: Problem { Problem(code.status, code.description, detail, errors: errors) }
}
