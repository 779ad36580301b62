internal import Basics
internal import Database
internal import HTTPPath
internal import LocalServers
internal import NIOPosix
internal import ServiceKit

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// What `doctor` looks at. The judgements are functions of what was read, so that they are tested without a sick machine.
struct Examination: Sendable {
    let folder: RunFolder
    let binaries: String

    func findings() async -> [Finding] {
        let state = folder.running()
        var findings = await executables()
        findings += await runningShop(state)
        findings.append(dataFolder())
        findings += ports(state)
        if let space = Self.freeSpace(Files.exists(folder.path) ? folder.path : ".") { findings.append(Self.judge(freeBytes: space)) }
        let written = newestChange()
        findings.append(Self.judge(clock: .now, programBuilt: Files.info(Environment.executable)?.modified, lastWritten: written))
        if let limit = Self.openFilesLimit() { findings.append(Self.judge(openFiles: limit)) }
        findings += await postgres(state)
        if state == nil { findings += leftovers() + (await databases()) }
        return findings
    }

    private func executables() async -> [Finding] {
        let missing = Service.allCases.filter { !Files.isExecutable("\(binaries)/\($0.name)") }
        guard missing.isEmpty else {
            return missing.map {
                .wrong("\($0.name) is not in \(binaries)", remedy: "build it with `swift build`, or name the folder that has it with --bin DIR")
            }
        }
        var versions: [Service: String] = [:]
        for service in Service.allCases { versions[service] = await ownVersion(of: service) }
        return [Self.judge(versions: versions, own: BuildInfo.version, folder: binaries)]
    }

    static func judge(versions: [Service: String], own: String, folder: String) -> Finding {
        let others = Service.allCases.filter { versions[$0] != own }
        if others.isEmpty { return .fine("the services' executables are in \(folder), version \(own)") }
        let list = others.map { "\($0.name) \(versions[$0] ?? "that does not tell its version")" }.joined(separator: ", ")
        return .wrong("this program is version \(own), but in \(folder) there is \(list)", remedy: "build them together: `swift build`")
    }

    /// What `SERVICE --version` prints after the name; nil if that is anything else, or takes longer than 5 s.
    private func ownVersion(of service: Service) async -> String? {
        let path = "\(binaries)/\(service.name)"
        guard let (output, exit) = try? await ChildProcess.output(of: path, arguments: ["--version"], within: .seconds(5)), exit == .code(0) else {
            return nil
        }
        let words = output.split(whereSeparator: \.isWhitespace)
        return words.count == 2 && words[0] == service.name ? String(words[1]) : nil
    }

    private func runningShop(_ state: RunState?) async -> [Finding] {
        guard let state else { return [.fine("the shop is down")] }
        var findings: [Finding] = []
        var versions: Set<String> = []
        let answers =
            (try? await ServiceProbe.withHTTP { probe -> [(Service, Bool, [UInt8]?)] in
                var answers: [(Service, Bool, [UInt8]?)] = []
                for record in state.services {
                    let isReady = await probe.isReady(host: state.reachableHost(of: record.service), port: record.port)
                    let host = state.reachableHost(of: record.service)
                    answers.append((record.service, isReady, await probe.get(host, record.port, "/version", .seconds(2))?.body))
                }
                return answers
            }) ?? []
        for (service, isReady, version) in answers {
            if !isReady {
                findings.append(
                    .wrong("\(service.name) runs but is not ready", remedy: "`\(Environment.command) logs \(service.shortName)\(folder.option)`"))
            }
            if let version { versions.insert(Self.version(in: version)) }
        }
        if versions.count > 1 {
            findings.append(.wrong("the services are of different versions", remedy: "build them together and start them anew: `swift build`"))
        }
        if findings.isEmpty { findings.append(.fine("the shop is up and ready (pid \(state.supervisor.pid))")) }
        return findings
    }

    /// The member `version` of the answer, or the whole of it if there is none.
    static func version(in body: [UInt8]) -> String {
        (try? JSON.parse(body))?["version"]?.string ?? String(decoding: body, as: UTF8.self)
    }

    private func dataFolder() -> Finding {
        do throws(CommandFailure) {
            let isThere = Files.exists(folder.path)
            if isThere {
                let trial = "\(folder.path)/.doctor-\(SystemCall.ownProcess)"
                try Files.replace(trial, with: [])
                unlink(trial)
                return .fine("the data folder \(folder.path) is writable")
            }
            let parent = folder.path.lastIndex(of: "/").map { String(folder.path[..<$0]) } ?? "."
            guard access(parent.isEmpty ? "/" : parent, W_OK) == 0 else {
                return .wrong(
                    "\(folder.path) is not there and cannot be made: \(SystemCall.reason())", remedy: "choose another folder with --data DIR")
            }
            return .fine("the data folder \(folder.path) is not there yet; `up` makes it")
        } catch {
            return .wrong(error.description, remedy: "`chmod u+rwx \(RunFolder.quoted(folder.path))`, or choose another folder with --data DIR")
        }
    }

    private func ports(_ state: RunState?) -> [Finding] {
        let ours = Set((state?.services ?? []).map(\.port))
        return Service.allCases.filter { service in state.map { $0.services.contains { $0.service == service } } != true }.compactMap { service in
            let port = service.defaultPort
            guard !ours.contains(port) else { return nil }
            return Self.judge(service, availability: Ports.availability(host: "127.0.0.1", port: port), holder: Ports.holder(of: port))
        }
    }

    static func judge(_ service: Service, availability: Ports.Availability, holder: Ports.Holder?) -> Finding {
        let port = service.defaultPort
        switch availability {
        case .free: return .fine("port \(port) for \(service.name) is free")
        case .taken where service == .console:
            let by = holder.map { " by \($0)" } ?? ""
            return .doubtful("port \(port) for console is taken\(by)", remedy: "`up` takes another for it, and says which")
        case .taken:
            let by = holder.map { " by \($0)" } ?? ""
            return .wrong(
                "port \(port) for \(service.name) is taken\(by)", remedy: "stop it, or give `up` another: \(service.portOption) 0 picks a free one")
        case .refused(let reason):
            return .wrong(
                "port \(port) for \(service.name) cannot be used: \(reason)", remedy: "give `up` another: \(service.portOption) 0 picks a free one")
        }
    }

    static func judge(freeBytes: Int64) -> Finding {
        let text = "\(bytesForPeople(freeBytes)) free on the data folder's disk"
        // The logs take 60 MB at most; the databases some hundreds after a long load test.
        if freeBytes < 100_000_000 { return .wrong(text, remedy: "make room: the services refuse orders when they cannot write") }
        if freeBytes < 1_000_000_000 { return .doubtful(text, remedy: "enough to try the shop, little for a load test") }
        return .fine(text)
    }

    /// - Parameters:
    ///   - programBuilt, lastWritten: seconds since 1970.
    static func judge(clock: Timestamp, programBuilt: Int64?, lastWritten: Int64?) -> Finding {
        let now = clock.microseconds / 1_000_000
        let remedy = "set the clock (NTP): tokens, prices and reservations carry times"
        // A minute: file systems elsewhere have clocks of their own.
        if let programBuilt, now < programBuilt - 60 {
            return .wrong("the clock says \(clock), which is before this program was built", remedy: remedy)
        }
        if let lastWritten, now < lastWritten - 60 {
            return .wrong("the clock says \(clock), which is before the data was last written", remedy: remedy)
        }
        return .fine("the clock says \(clock)")
    }

    static func judge(openFiles limit: UInt64) -> Finding {
        // Each connection is a file: 64 clients, and twice as many to the services behind, with room.
        limit < 1024
            ? .doubtful("only \(limit) files may be open at once", remedy: "`ulimit -n 4096` in this shell before `up`")
            : .fine("\(limit) files may be open at once")
    }

    private func leftovers() -> [Finding] {
        let left = folder.state()?.aliveProcesses ?? []
        guard !left.isEmpty else { return [] }
        let pids = left.map { String($0.pid) }.joined(separator: ", ")
        return [
            .wrong("processes of a supervisor that was killed are still there (pid \(pids))", remedy: "`\(Environment.command) down\(folder.option)`")
        ]
    }

    /// Opens each database and reads it through, as its service does when it starts.
    private func databases() async -> [Finding] {
        let names = Files.list(folder.path).filter { $0.hasSuffix(".sqlite") }.sorted()
        var findings: [Finding] = []
        for name in names {
            let path = "\(folder.path)/\(name)"
            let opened = try? await NIOThreadPool.singleton.runIfActive {
                Result { () throws(DatabaseError) in try SQLiteDatabase(.file(path)) }
            }
            switch opened {
            case .success(let database)?:
                await database.shutdown()
                findings.append(.fine("the database \(name) is sound"))
            case .failure(let error)?:
                findings.append(.wrong(error.message, remedy: "its service does not start before that is mended"))
            case nil: continue
            }
        }
        return findings
    }

    /// The server that the shop runs on, or what `--with-servers` would find.
    private func postgres(_ state: RunState?) async -> [Finding] {
        if let state { return await runningDatabases(state) }
        let data = LocalPostgres.dataVersion(in: folder.postgres)
        do throws(LocalServerError) {
            let found = try await PostgresBinaries.find(version: data, environment: Environment.all)
            let use = data == nil ? "for `up --with-servers`" : "with data in \(folder.postgres)"
            return [.fine("PostgreSQL \(found.version) is installed, \(use)")]
        } catch {
            return [Self.judge(error, isNeeded: data != nil)]
        }
    }

    static func judge(_ error: LocalServerError, isNeeded: Bool) -> Finding {
        if !isNeeded, error.code == .notInstalled { return .fine("PostgreSQL is not installed; only `up --with-servers` needs it") }
        return .wrong(error.description, remedy: "until then `up` without --with-servers runs on SQLite, without that data")
    }

    private func runningDatabases(_ state: RunState) async -> [Finding] {
        guard let databases = state.databases else { return [.fine("the services run on SQLite")] }
        var wrong: [Finding] = []
        let passwords = (try? DatabaseRoles.read(folder))?.passwords ?? [:]
        for service in Service.allCases {
            guard let url = databases.urls[service.rawValue], let password = passwords[service.databaseName] else { continue }
            guard let problem = await PostgresPreparation.problem(url.replacing("@", with: ":\(password)@", maxReplacements: 1)) else { continue }
            wrong.append(
                .wrong("the database \(service.databaseName) does not answer: \(problem)", remedy: "`\(Environment.command) status\(folder.option)`"))
        }
        return wrong.isEmpty ? [.fine("the services' databases on \(databases.place) answer")] : wrong
    }

    private func newestChange() -> Int64? {
        Files.list(folder.path).compactMap { Files.info("\(folder.path)/\($0)")?.modified }.max()
    }

    private static func freeSpace(_ path: String) -> Int64? {
        var info = statvfs()
        guard statvfs(path, &info) == 0 else { return nil }
        return Int64(clamping: UInt64(info.f_bavail) * UInt64(info.f_frsize))
    }

    private static func openFilesLimit() -> UInt64? {
        var limit = rlimit()
        #if canImport(Glibc)
        let result = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        #else
        let result = getrlimit(RLIMIT_NOFILE, &limit)
        #endif
        return result == 0 ? UInt64(limit.rlim_cur) : nil
    }
}
