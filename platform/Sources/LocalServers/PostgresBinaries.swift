/// Where PostgreSQL's programs are, and which version they are of.
public struct PostgresBinaries: Hashable, Sendable {
    /// The variable that names their folder, above every other place.
    public static let variable = "POSTGRES_BIN"

    /// The folder with `postgres` and `initdb`.
    public let folder: String
    /// The first part of the version: 15 of 15.4. Data is of one such version.
    public let version: Int

    /// The programs that a server needs.
    static let needed = ["postgres", "initdb"]

    static let advice =
        "install PostgreSQL's server (Debian and Ubuntu: `apt-get install postgresql`; macOS: `brew install postgresql`), or name the folder with its programs in \(variable)"

    /// The path of one of its programs; nil if it is not there.
    public func program(_ name: String) -> String? {
        let path = "\(folder)/\(name)"
        return System.isExecutable(path) ? path : nil
    }

    /// Finds installed programs: in the folder that `POSTGRES_BIN` names, and else on the `PATH`, where `pg_config` says, where Debian,
    /// Red Hat, Homebrew and Postgres.app put them, the newest first.
    ///
    /// - Parameter version: only of this version, because the data is.
    /// - Throws: `notInstalled` or `otherVersion`, with what to install.
    public static func find(version: Int? = nil, environment: [String: String]) async throws(LocalServerError) -> PostgresBinaries {
        if let folder = environment[variable], !folder.isEmpty {
            guard let missing = needed.first(where: { !System.isExecutable("\(folder)/\($0)") }) else {
                return try await one(of: [folder], version: version, environment: environment)
            }
            throw LocalServerError(.notInstalled, "\(variable) is \(folder), but '\(missing)' is not there: \(advice)")
        }
        return try await one(of: await candidates(environment: environment), version: version, environment: environment)
    }

    private static func one(
        of folders: [String], version: Int?, environment: [String: String]
    ) async throws(LocalServerError) -> PostgresBinaries {
        var others: [Int] = []
        for folder in folders {
            let asked = try? await Program(words: ["\(folder)/postgres", "--version"], environment: environment).output()
            guard let found = asked.flatMap({ major(in: $0.text) }) else { continue }
            if version == nil || version == found { return PostgresBinaries(folder: folder, version: found) }
            others.append(found)
        }
        guard let version, !others.isEmpty else { throw LocalServerError(.notInstalled, "PostgreSQL is not installed here: \(advice)") }
        let installed = others.map { String($0) }.joined(separator: ", ")
        throw LocalServerError(
            .otherVersion, "the data was written by PostgreSQL \(version), and installed is \(installed): install \(version), or remove the data")
    }

    /// Folders that hold all that is needed, each once, the most wanted first.
    static func candidates(environment: [String: String], root: String = "") async -> [String] {
        let path = (environment["PATH"] ?? "").split(separator: ":").map { root + $0 }
        var folders = path
        for folder in path where System.isExecutable("\(folder)/pg_config") {
            // It may come with the headers alone, and then names a folder without a server.
            if let (code, text) = try? await Program(words: ["\(folder)/pg_config", "--bindir"], environment: environment).output(), code == 0 {
                folders.append(root + text.trimmed)
            }
        }
        folders += versions(below: "\(root)/usr/lib/postgresql", prefix: "").map { "\($0)/bin" }
        folders += versions(below: "\(root)/usr", prefix: "pgsql-").map { "\($0)/bin" }
        for brew in ["/opt/homebrew", "/usr/local", "/home/linuxbrew/.linuxbrew"] {
            folders += versions(below: "\(root)\(brew)/opt", prefix: "postgresql@").map { "\($0)/bin" }
            folders.append("\(root)\(brew)/bin")
        }
        folders.append("\(root)/Applications/Postgres.app/Contents/Versions/latest/bin")
        var seen: Set<String> = []
        return folders.filter(holdsAll).map(behindLinks).filter { seen.insert($0).inserted }
    }

    private static func holdsAll(_ folder: String) -> Bool { needed.allSatisfy { System.isExecutable("\(folder)/\($0)") } }

    /// A folder may hold links to some of the programs; the others stand where they lead.
    private static func behindLinks(_ folder: String) -> String {
        guard let path = System.realPath("\(folder)/\(needed[0])"), let slash = path.lastIndex(of: "/") else { return folder }
        let real = String(path[..<slash])
        return holdsAll(real) ? real : folder
    }

    /// The folders `prefix` + a version in `parent`, the newest first.
    private static func versions(below parent: String, prefix: String) -> [String] {
        System.list(parent).compactMap { name -> (version: Double, path: String)? in
            guard name.hasPrefix(prefix), let version = Double(name.dropFirst(prefix.count)) else { return nil }
            return (version, "\(parent)/\(name)")
        }
        .sorted { $0.version > $1.version }.map(\.path)
    }

    /// The first number in what `postgres --version` says: "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "… 17beta1".
    static func major(in text: String) -> Int? {
        text.split(separator: " ").first { $0.first?.isNumber == true }.flatMap { Int($0.prefix { $0.isNumber }) }
    }
}

extension String {
    /// Without white space at both ends.
    var trimmed: String {
        let start = drop { $0.isWhitespace }
        return String(start.reversed().drop { $0.isWhitespace }.reversed())
    }
}
