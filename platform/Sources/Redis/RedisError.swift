/// Why Redis did not do what it was asked. Neither the description nor the code holds a key or a value, so it can be logged as it is.
public struct RedisError: Error, Hashable, Sendable {
    public enum Code: String, Hashable, Sendable {
        /// There is no connection and none can be made now. Nothing was sent.
        case unavailable
        /// The connection was lost after the command was handed to it: it may have been run or not.
        case connectionLost
        /// The deadline or the command's time limit passed: it may have been run or not.
        case timeout
        /// The task was cancelled: it may have been run or not.
        case cancelled
        /// Too much waits on the connection already. Nothing was sent.
        case queueFull
        /// The server refused the command: see ``RedisError/server``.
        case server
        /// The server refused the name, the password or the database.
        case authentication
        /// The server sent what is no RESP3, or more than is allowed. The connection was closed.
        case protocolViolation
        /// The reply has another type than the caller expects.
        case unexpectedReply
        /// The client was shut down.
        case closed
    }

    public let code: Code
    /// What happened: one line.
    public let message: String
    /// What the server said, for `server` and `authentication`. Its text can hold keys and values.
    public let server: RedisServerError?

    public init(_ code: Code, _ message: String, server: RedisServerError? = nil) {
        self.code = code
        self.message = message
        self.server = server
    }

    /// Whether the command may have been run though no answer came.
    public var mayHaveRun: Bool { code == .connectionLost || code == .timeout || code == .cancelled }

    static func refused(_ error: RedisServerError) -> RedisError {
        RedisError(.server, "the server refused the command: \(error.code)", server: error)
    }
    static let timeout = RedisError(.timeout, "no answer in time")
    static let cancelled = RedisError(.cancelled, "the task was cancelled")
    static let closed = RedisError(.closed, "the client was shut down")
}

extension RedisError: CustomStringConvertible {
    public var description: String { "\(code.rawValue): \(message)" }
}
