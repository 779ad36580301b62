import ArgumentParser
internal import Basics

struct Logs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what the services logged.",
        discussion: """
            Reads the files that `up` keeps, also of a shop that has stopped. Each is bounded: 10 MiB, and one before it.

            EXAMPLES:
              hello-dd logs                    the last 100 lines of every service
              hello-dd logs -f                 and what comes, until Ctrl-C
              hello-dd logs gateway -n 1000 | grep ERROR
            """
    )

    @Argument(help: ArgumentHelp("Only these: console, inventory, pricing, gateway.", valueName: "service"))
    var services: [Service] = []

    @Flag(name: [.customShort("f"), .long], help: "Go on with what comes.")
    var follow = false

    @Option(name: [.customShort("n"), .long], help: ArgumentHelp("So many lines of each service.", valueName: "count"))
    var lines = 100

    @OptionGroup var data: DataOptions
    @OptionGroup var colour: ColourOptions

    func validate() throws {
        guard (0...100_000).contains(lines) else { throw ValidationError("--lines must be from 0 to 100000.") }
    }

    func run() async throws {
        let selected = services.isEmpty ? Service.allCases : Service.allCases.filter(services.contains)
        let style = colour.style()
        var tails = selected.map { ($0, LogTail(path: data.folder.log(of: $0))) }
        guard follow || tails.contains(where: { Files.exists($0.1.path) }) else {
            throw CommandFailure("no logs in \(data.folder.logs); did `\(Environment.command) up` run here? (--data DIR names another folder)")
        }
        // One service's lines need no name before them, so that what it logged can go on through a pipe as it is.
        let isNamed = selected.count > 1
        func show(_ service: Service, _ line: [UInt8]) {
            let text = line.forTerminal(colours: style.isOn)
            print(isNamed ? "\(style.name(service)) \(style.paint("|", .quiet)) \(text)" : text)
        }
        func merged(_ read: (inout LogTail) -> [[UInt8]]) -> [(Service, [UInt8])] {
            let excerpts = tails.indices.map { index in
                let lines = read(&tails[index].1)
                let modified = Files.info(tails[index].1.path)?.modified ?? 0
                return LogOrder.Excerpt(service: tails[index].0, lines: lines, lastWritten: Timestamp(microseconds: modified * 1_000_000))
            }
            return LogOrder.merged(excerpts)
        }
        for (service, line) in merged({ $0.last(lines) }) { show(service, line) }
        while follow {
            try await Task.sleep(for: .milliseconds(150))
            for (service, line) in merged({ $0.next() }) { show(service, line) }
        }
    }
}
