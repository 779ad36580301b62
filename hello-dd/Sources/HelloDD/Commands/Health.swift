import ArgumentParser
internal import FoundationEssentials

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
                let isReady = await probe.isReady(host: state.reachableHost, port: record.port)
                allAreReady = allAreReady && isReady
                let mark = isReady ? style.paint("✓ ready", .good) : style.paint("✗ not ready", .bad)
                print("\(style.name(record.service)) \(mark)")
                let answer = await probe.get(state.reachableHost, record.port, "/health", .seconds(5))
                for line in HealthPage.lines(answer?.body, style: style) { print("    \(line)") }
            }
            return allAreReady
        }
        guard allAreReady else { throw ExitCode.failure }
    }
}

/// A health page as lines: whatever its fields are, one level below another.
enum HealthPage {
    static func lines(_ body: [UInt8]?, style: Style) -> [String] {
        guard let body else { return [style.paint("no answer", .bad)] }
        guard let tree = try? JSONDecoder().decode(Tree.self, from: Data(body)) else {
            return [body.prefix(200).map { $0 }.forTerminal(colours: false)]
        }
        return tree.lines(indent: "")
    }

    /// Any JSON, with the members of objects in order of name.
    indirect enum Tree: Decodable, Hashable, Sendable {
        case scalar(String)
        case list([Tree])
        case object([String: Tree])

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let object = try? container.decode([String: Tree].self) {
                self = .object(object)
            } else if let list = try? container.decode([Tree].self) {
                self = .list(list)
            } else if let text = try? container.decode(String.self) {
                self = .scalar(text)
            } else if let flag = try? container.decode(Bool.self) {
                self = .scalar(flag ? "yes" : "no")
            } else if let number = try? container.decode(Int64.self) {
                self = .scalar(String(number))
            } else if let number = try? container.decode(Double.self) {
                self = .scalar(String(number))
            } else {
                self = .scalar("-")
            }
        }

        func lines(indent: String) -> [String] {
            switch self {
            case .scalar(let text): return [indent + Array(text.utf8).forTerminal(colours: false)]
            case .list(let items): return items.flatMap { $0.lines(indent: indent) }
            case .object(let members):
                return members.sorted { $0.key < $1.key }.flatMap { key, value in
                    let name = indent + Array(key.utf8).forTerminal(colours: false)
                    if case .scalar = value { return value.lines(indent: name + ": ") }
                    return [name + ":"] + value.lines(indent: indent + "  ")
                }
            }
        }
    }
}
