#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The user that a server runs as when this process is root's: PostgreSQL refuses to run as root.
struct ServerUser: Hashable, Sendable {
    let name: String
    let uid: uid_t
    let gid: gid_t
    /// Whether it needs a right of root's, to enter folders, and no other: the data is below a folder that only root may enter.
    var entersAnyFolder = false

    init?(named name: String) { self.init { getpwnam_r(name, $0, $1, $2, $3) } }

    init?(uid: uid_t) { self.init { getpwuid_r(uid, $0, $1, $2, $3) } }

    private init?(
        _ find: (
            UnsafeMutablePointer<passwd>, UnsafeMutablePointer<CChar>, Int, UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>
        ) -> Int32
    ) {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        // 16 KiB: the texts of one user's entry.
        let name: String? = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16_384) { texts in
            guard let start = texts.baseAddress, find(&entry, start, texts.count, &found) == 0, found != nil else { return nil }
            return String(cString: entry.pw_name)
        }
        guard let name else { return nil }
        self.name = name
        uid = entry.pw_uid
        gid = entry.pw_gid
    }

    /// Whom the data belongs to, if there is some; else `postgres`, which a package made; else `nobody`.
    static func choose(dataFolder: String) throws(LocalServerError) -> ServerUser {
        if let owner = System.owner(of: dataFolder), owner != 0 {
            guard let user = ServerUser(uid: owner) else {
                throw LocalServerError(.folder, "\(dataFolder) belongs to user \(owner), who has no name")
            }
            return user
        }
        guard let user = ServerUser(named: "postgres") ?? ServerUser(named: "nobody") else {
            throw LocalServerError(.failed, "PostgreSQL does not run as root, and there is neither a user 'postgres' nor 'nobody' to run it as")
        }
        return user
    }

    /// The command that runs `words` as this user.
    func command(_ words: [String]) throws(LocalServerError) -> [String] {
        let folders = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"]
        func find(_ program: String) -> String? { folders.map { "\($0)/\(program)" }.first(where: System.isExecutable) }
        if let setpriv = find("setpriv") {
            let rights = entersAnyFolder ? ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"] : []
            return [setpriv, "--reuid=\(uid)", "--regid=\(gid)", "--clear-groups"] + rights + ["--"] + words
        }
        if let runuser = find("runuser") { return [runuser, "-u", name, "--"] + words }
        if let sudo = find("sudo") { return [sudo, "-n", "-u", name, "--"] + words }
        throw LocalServerError(
            .notInstalled, "PostgreSQL does not run as root, and none of setpriv, runuser and sudo is installed to run it as \(name)")
    }

    /// This user, with the right to enter the folders above `folder` if it needs that.
    func reaching(_ folder: String, environment: [String: String]) async throws(LocalServerError) -> ServerUser {
        for enters in [false, true] {
            var user = self
            user.entersAnyFolder = enters
            let trial = Program(words: try user.command(["/bin/sh", "-c", #"cd -- "$0""#, folder]), environment: environment)
            if try await trial.output().code == 0 { return user }
        }
        throw LocalServerError(
            .folder,
            "PostgreSQL does not run as root but as user \(name), who cannot enter \(folder): choose another folder, or `chmod o+x` those above it")
    }
}
