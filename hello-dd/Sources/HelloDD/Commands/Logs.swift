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

    @Argument(help: ArgumentHelp("Only these: inventory, pricing, gateway.", valueName: "service"))
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
        let past = tails.indices.map { index in tails[index].1.last(lines).map { (tails[index].0, $0) } }
        for (service, line) in LogOrder.merged(past) { show(service, line) }
        while follow {
            try await Task.sleep(for: .milliseconds(150))
            let new = tails.indices.map { index in tails[index].1.next().map { (tails[index].0, $0) } }
            for (service, line) in LogOrder.merged(new) { show(service, line) }
        }
    }
}

/// Brings lines of several services into the order of their times.
enum LogOrder {
    /// The lines of each service keep their order; a line without a time belongs to the one before it. Without times at all, one
    /// service follows the other.
    static func merged(_ services: [[(Service, [UInt8])]]) -> [(Service, [UInt8])] {
        var all: [(time: Timestamp, line: (Service, [UInt8]))] = []
        for lines in services {
            var last = Timestamp(microseconds: .min)
            for line in lines {
                // Never back: a clock that was set must not tear a service's lines apart.
                last = max(last, time(of: line.1) ?? last)
                all.append((last, line))
            }
        }
        return all.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.map(\.element.line)
    }

    /// The first RFC 3339 time among the first 120 bytes: at the beginning of a readable line, in a field of a JSON one.
    static func time(of line: [UInt8]) -> Timestamp? {
        let head = line.prefix(120)
        for start in head.indices where (48...57).contains(head[start]) {
            let candidate = head[start...].prefix { byte in
                (48...57).contains(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "T")
                    || byte == UInt8(ascii: "Z") || byte == UInt8(ascii: "+")
            }
            if candidate.count >= 20, let time = Timestamp(String(decoding: candidate, as: UTF8.self)) { return time }
        }
        return nil
    }
}
