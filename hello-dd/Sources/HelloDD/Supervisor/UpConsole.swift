/// What `up` shows: notices, the services' logs, and while they start a line for each that changes.
struct UpConsole: Sendable {
    struct Progress: Hashable, Sendable {
        var service: Service
        var state: Supervision.State
        /// How long it has been starting, or took to start.
        var elapsed: Duration?
    }

    let terminal: Terminal
    /// Leaves the services' logs to their files.
    var isQuiet = false
    /// Log lines as they come, and everything else to the standard error output: for programs that read JSON.
    var isRaw = false
    let command: String
    /// The process that waits until the shop is up, if this one is in the background.
    var report: Report?

    private var style: Style { terminal.style }

    func log(_ service: Service, _ line: [UInt8]) {
        guard !isQuiet else { return }
        if isRaw { return terminal.print(String(decoding: line, as: UTF8.self)) }
        terminal.print("\(style.name(service)) \(style.paint("|", .quiet)) \(line.forTerminal(colours: style.isOn))")
    }

    /// - Parameter isStartingUp: whether the changing lines are there. On a terminal they say that a service starts and is ready.
    func tell(_ notice: Notice, lastLines: [[UInt8]], isStartingUp: Bool) {
        if terminal.isLive, isStartingUp, notice.isShownLive { return }
        var lines = ["\(style.name(notice.service)) \(style.paint(notice.text, notice.tone))"]
        lines += lastLines.map { "    " + $0.forTerminal(colours: style.isOn) }
        for line in lines { say(line) }
        if notice.tone == .bad { report?.send(.problem(lines: lines)) } else { report?.send(.note(lines: lines)) }
    }

    /// Draws the changing lines; none removes them.
    func progress(_ services: [Progress]) { terminal.live(Self.lines(services, style: style)) }

    func announce(_ plan: Plan, after: Duration, progress services: [Progress]) {
        terminal.live([])
        if terminal.isLive { for line in Self.lines(services, style: style) { say(line) } }
        let lines = Banner.lines(for: plan, after: after, command: command, isDetached: report != nil, style: style)
        for line in lines { say(line) }
        report?.send(.up(lines: lines))
    }

    /// Something that happened to one of the shop's own servers.
    func server(_ text: String, _ tone: Style.Tone, _ name: Style.ServerName = .postgres) {
        let line = "\(style.server(name)) \(style.paint(text, tone))"
        say(line)
        if tone == .bad { report?.send(.problem(lines: [line])) } else { report?.send(.note(lines: [line])) }
    }

    /// Something that the user should know before the services start.
    func note(_ text: String) {
        let line = style.paint(text, .warning)
        say(line)
        report?.send(.note(lines: [line]))
    }

    func warn(_ text: String) { say(style.paint(text, .warning)) }

    private func say(_ line: String) { if isRaw { printError(line) } else { terminal.print(line) } }

    static func lines(_ services: [Progress], style: Style) -> [String] {
        services.map { progress in
            let elapsed = progress.elapsed?.forPeople ?? ""
            let text =
                switch progress.state {
                case .waiting: style.paint("· waiting for \(progress.service.dependencies.map(\.shortName).joined(separator: " and "))", .quiet)
                case .starting: style.paint("… starting, \(elapsed)", .normal)
                case .ready: style.paint("✓ ready in \(elapsed)", .good)
                case .restarting: style.paint("! ended unexpectedly, will be started again", .warning)
                case .stopping: style.paint("… stopping", .normal)
                case .stopped: style.paint("· stopped", .quiet)
                case .failed: style.paint("✗ failed", .bad)
                }
            return "\(style.name(progress.service)) \(text)"
        }
    }
}

extension Notice {
    /// Whether the changing lines already say it.
    var isShownLive: Bool {
        switch self {
        case .starting, .ready: true
        default: false
        }
    }
}
