import Basics

/// Who changes something, when, and why: kept beside every change.
struct Audit: Hashable, Sendable {
    /// The subject of the token behind the call.
    var by: String
    var at: Timestamp
    /// In the caller's words; at most 500 characters.
    var reason: String?
}
