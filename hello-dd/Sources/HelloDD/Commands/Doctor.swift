import ArgumentParser
internal import Basics

struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look for what would keep the shop from running, and say what to do.",
        discussion: """
            Changes nothing. Looks at the executables, the data folder, the ports, the disk, the clock, the limits of this shell and, when \
            the shop is down, the databases. Exit code 1 when something is wrong.

            EXAMPLES:
              hello-dd doctor
              hello-dd doctor --data /srv/shop
            """
    )

    @OptionGroup var data: DataOptions
    @OptionGroup var colour: ColourOptions

    @Option(
        name: .customLong("bin"),
        help: ArgumentHelp("The folder with the services' executables (default: where this program is).", valueName: "dir"))
    var binaries: String?

    func run() async throws {
        let style = colour.style()
        let examination = Examination(folder: data.folder, binaries: binaries ?? Up.folder(of: Environment.executable))
        let findings = await examination.findings()
        for finding in findings { for line in finding.lines(style: style) { print(line) } }
        let wrong = findings.count { $0.verdict == .wrong }
        guard wrong > 0 else { return print(style.paint("all is well", .good)) }
        print(style.paint(wrong == 1 ? "1 thing is wrong" : "\(wrong) things are wrong", .bad))
        throw ExitCode.failure
    }
}

/// One thing `doctor` looked at.
struct Finding: Hashable, Sendable {
    enum Verdict: Sendable { case fine, doubtful, wrong }

    var verdict: Verdict
    var text: String
    /// What to do about it.
    var remedy: String?

    static func fine(_ text: String) -> Finding { Finding(verdict: .fine, text: text) }
    static func doubtful(_ text: String, remedy: String) -> Finding { Finding(verdict: .doubtful, text: text, remedy: remedy) }
    static func wrong(_ text: String, remedy: String) -> Finding { Finding(verdict: .wrong, text: text, remedy: remedy) }

    func lines(style: Style) -> [String] {
        let mark =
            switch verdict {
            case .fine: style.paint("✓", .good)
            case .doubtful: style.paint("!", .warning)
            case .wrong: style.paint("✗", .bad)
            }
        return ["\(mark) \(text)"] + (remedy.map { ["    → \($0)"] } ?? [])
    }
}
