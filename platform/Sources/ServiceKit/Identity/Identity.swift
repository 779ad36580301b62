/// Who calls, as far as it is verified.
public struct Identity: Hashable, Sendable {
    /// What a caller is, by its token's claim `role`. A service may name roles of its own besides these.
    public struct Role: RawRepresentable, Hashable, Sendable {
        public let rawValue: String

        public init(rawValue: String) { self.rawValue = rawValue }

        /// Without a token.
        public static let anonymous = Role(rawValue: "anonymous")
        /// A person who runs the system.
        public static let `operator` = Role(rawValue: "operator")
        /// Another service.
        public static let service = Role(rawValue: "service")
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
}
