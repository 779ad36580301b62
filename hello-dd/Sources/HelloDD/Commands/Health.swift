import ArgumentParser
internal import HTTPPath

struct Health: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask each service how it is.",
        discussion: """
            Shows the answer of `GET /health`, the page for people: the service's own state and that of everything it depends on. \
            Exit code 1 when a service that should run is not ready.

            EXAMPLES:
              hello-dd health
              hello-dd health && echo the shop is open
            """
    )

    @OptionGroup var data: DataOptions
    @OptionGroup var colour: ColourOptions

    func run() async throws {
        guard let state = data.folder.running() else {
            throw CommandFailure("not running (data: \(data.folder.path)); start it with `\(Environment.command) up\(data.folder.option)`")
        }
        let style = colour.style()
        let allAreReady = try await ServiceProbe.withHTTP { probe in
            var allAreReady = true
            for record in state.services {
                let isReady = await probe.isReady(host: state.reachableHost(of: record.service), port: record.port)
                allAreReady = allAreReady && isReady
                let mark = isReady ? style.paint("✓ ready", .good) : style.paint("✗ not ready", .bad)
                print("\(style.name(record.service)) \(mark)")
                let answer = await probe.get(state.reachableHost(of: record.service), record.port, "/health", .seconds(5))
                for line in HealthPage.lines(answer?.body, style: style) { print("    \(line)") }
            }
            return allAreReady
        }
        guard allAreReady else { throw ExitCode.failure }
    }
}

/// The page `GET /health` as lines for people.
enum HealthPage {
    static func lines(_ body: [UInt8]?, style: Style) -> [String] {
        guard let body else { return [style.paint("no answer", .bad)] }
        guard let page = try? JSON.parse(body), let state = page["state"]?.string else {
            return ["not a health page: " + Array(body.prefix(200)).forTerminal(colours: false)]
        }
        var about = ["version \(page["version"]?.string ?? "unknown")", state]
        if let seconds = page["uptimeSeconds"]?.integer { about.append("up for \(Duration.seconds(seconds).forPeople)") }
        return [about.joined(separator: ", ")] + (page["dependencies"]?.array ?? []).map { line($0, style: style) }
    }

    private static func line(_ dependency: JSON, style: Style) -> String {
        let name = dependency["name"]?.string ?? "?"
        if dependency["status"]?.string == "up" {
            let time: String
            switch dependency["milliseconds"] {
            case .integer(let number)?: time = " (\(number) ms)"
            case .number(let text)?: time = " (\(text) ms)"
            default: time = ""
            }
            return style.paint("✓", .good) + " \(name)" + style.paint(time, .quiet)
        }
        let detail = dependency["detail"]?.string.map { ": " + Array($0.utf8).forTerminal(colours: false) } ?? ""
        return style.paint("✗ \(name)\(detail)", .bad)
    }
}
