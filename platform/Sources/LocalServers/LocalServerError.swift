/// Why a server of one's own cannot be had. The text says what to do about it and never holds a password.
public struct LocalServerError: Error, Hashable, Sendable, CustomStringConvertible {
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String

        /// No installed binaries were found, or not all that are needed.
        public static let notInstalled = Code(description: "notInstalled")
        /// The folder holds data of another version than the installed ones.
        public static let otherVersion = Code(description: "otherVersion")
        /// The folder cannot be made, written or entered, or it is not what this module made.
        public static let folder = Code(description: "folder")
        /// Another server runs on the folder.
        public static let inUse = Code(description: "inUse")
        /// The port that was asked for is taken.
        public static let portTaken = Code(description: "portTaken")
        /// The server, or the program that prepares its folder, did not start or ended.
        public static let failed = Code(description: "failed")
        /// The server was not ready in time.
        public static let timeout = Code(description: "timeout")
    }

    public let code: Code
    public let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
