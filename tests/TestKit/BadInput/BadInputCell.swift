import HTTPTypes

/// The ways in which a request can be bad: the columns of the matrix.
public enum BadInputCell: String, CaseIterable, Sendable {
    case malformedJSON, wrongType, missingField, unknownEnum, outOfRange, overLong, invalidUTF8, wrongMediaType, tooLarge, deepNesting
    case unknownID, malformedID, unknownQuery, duplicateQuery, malformedHeader, refusedCaller
}

/// One spoilt request, and what its answer must be.
struct BadInputAttempt: Sendable {
    let cell: BadInputCell
    /// What was spoilt: a JSON Pointer or a parameter's name; what a `LeftOut` names.
    let pointer: String?
    let what: String
    var path: String
    var headers: HTTPFields
    var body: [UInt8]?
    var contentType: String?
    var chunked = false
    var caller: Caller
    let expected: BadInputExpectation
}

/// What a spoilt request's answer must be.
struct BadInputExpectation: Sendable {
    var statuses: Set<Int>
    /// nil for any code.
    var codes: Set<String>?
    /// Which pointer the answer must carry; nil where the contract promises none.
    var pointer: String?

    static func body(_ pointer: String) -> Self { Self(statuses: [422], codes: ["invalid_body"], pointer: pointer) }
    static func parameter(_ name: String) -> Self { Self(statuses: [400], codes: ["invalid_parameter"], pointer: name) }
    static let query = Self(statuses: [400], codes: ["invalid_parameter"], pointer: nil)
    static let syntax = Self(statuses: [400], codes: ["malformed_json"], pointer: "")
    static let mediaType = Self(statuses: [415], codes: ["unsupported_media_type"], pointer: "Content-Type")
    static let tooLarge = Self(statuses: [413], codes: ["body_too_large"], pointer: "")
}
