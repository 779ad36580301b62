/// Who calls, as far as it is verified.
public struct Identity: Hashable, Sendable {
    public enum Role: String, CaseIterable, Sendable {
        case anonymous, shopper, `operator`, service
    }

    public let role: Role
    /// The token's subject; empty for the anonymous caller.
    public let subject: String
    /// For a service: on whose behalf it calls, as it says. Only a verified service is believed.
    public var onBehalfOf: String?

    public init(role: Role, subject: String, onBehalfOf: String? = nil) {
        self.role = role
        self.subject = subject
        self.onBehalfOf = onBehalfOf
    }

    public static let anonymous = Identity(role: .anonymous, subject: "")

    /// The person behind the call, for ledgers and audit rows.
    public var actor: String { onBehalfOf ?? (subject.isEmpty ? "anonymous" : subject) }

    func isAllowed(by access: Access) -> Bool {
        if access.contains(.anyone) { return true }
        return switch role {
        case .anonymous: false
        case .shopper: access.contains(.shopper)
        case .operator: access.contains(.operator)
        case .service: access.contains(.service)
        }
    }
}
