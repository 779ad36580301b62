internal import FoundationEssentials

extension Service {
    /// The name of its database and of the role that owns it, where the shop stands on a PostgreSQL server.
    var databaseName: String {
        switch self {
        case .inventory: "inventory"
        case .pricing: "pricing"
        case .gateway: "orders"
        // It has none; see `hasDatabase`.
        case .console: "console"
        }
    }
}

/// The passwords of the services' roles: `postgres.json` in the data folder, for its owner's eyes only.
struct DatabaseRoles: Codable, Hashable, Sendable {
    /// By role. Generated, so they hold digits and lower-case letters only and need no quotes anywhere.
    private(set) var passwords: [String: String] = [:]

    static func file(_ folder: RunFolder) -> String { "\(folder.path)/postgres.json" }

    /// Those of the folder; none if there is no file.
    static func read(_ folder: RunFolder) throws(CommandFailure) -> DatabaseRoles {
        let path = file(folder)
        // 64 KiB: three passwords are under 1 KiB.
        guard let text = Files.read(path, limit: 65_536) else { return DatabaseRoles() }
        guard let roles = try? JSONDecoder().decode(DatabaseRoles.self, from: Data(text.utf8)),
            roles.passwords.values.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(Self.isPlain) })
        else {
            throw CommandFailure("\(path) is damaged: remove it, and the next `up` gives the roles new passwords")
        }
        return roles
    }

    /// The role's password, made if there is none; `isNew` says whether.
    mutating func password(of service: Service) -> (text: String, isNew: Bool) {
        if let known = passwords[service.databaseName] { return (known, false) }
        let made = Self.makePassword()
        passwords[service.databaseName] = made
        return (made, true)
    }

    func write(to folder: RunFolder) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try Files.replace(Self.file(folder), with: Array(encoder.encode(self)) + [UInt8(ascii: "\n")])
    }

    private static func isPlain(_ byte: UInt8) -> Bool { (48...57).contains(byte) || (97...122).contains(byte) }

    /// 24 of 36 characters: 124 bits.
    private static func makePassword() -> String {
        let characters = Array("abcdefghijklmnopqrstuvwxyz0123456789")
        return String((0..<24).map { _ in characters[Int.random(in: 0..<characters.count)] })
    }
}
