import ArgumentParser

/// Where the shop keeps what it writes; the same for every command that looks at a running shop.
struct DataOptions: ParsableArguments {
    @Option(
        name: .customLong("data"),
        help: ArgumentHelp("The folder with the shop's databases, keys and logs.", valueName: "dir"))
    var data = RunFolder.defaultPath

    var folder: RunFolder { RunFolder(path: data) }
}

struct ColourOptions: ParsableArguments {
    @Flag(name: .customLong("no-color"), help: "No colours (also when NO_COLOR is set, or the output is not a terminal).")
    var noColor = false

    /// How to colour what is written to `descriptor`.
    func style(for descriptor: Int32 = 1) -> Style {
        Style(isOn: !noColor && Environment.value("NO_COLOR") == nil && Environment.isTerminal(descriptor))
    }
}

/// Why a command cannot do what it was asked; printed as one line, exit code 1. The text says what to do.
struct CommandFailure: Error, Hashable, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}

extension Service: ExpressibleByArgument {
    init?(argument: String) {
        guard let service = Service(anyName: argument) else { return nil }
        self = service
    }

    static var allValueStrings: [String] { allCases.map(\.name) }
}
