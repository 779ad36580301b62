import ArgumentParser
internal import FoundationEssentials
internal import HTTPPath
internal import Observability

struct ObservabilityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "observability",
        abstract: "Dashboards, monitors and rules, made of the metrics that the services declare.",
        subcommands: [Render.self]
    )

    struct Render: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write what is generated, into the repository.",
            discussion: """
                Datadog's dashboards, monitors, objectives and metric settings, Prometheus' rules, the configuration of Collector and Agent, and \
                docs/telemetry.md. All of it is committed; `--check` writes nothing, and fails if something committed is not what would be written.

                EXAMPLES:
                  hello-dd observability render
                  hello-dd observability render --check
                  hello-dd observability render --rules /tmp/rules     rules whose windows are seconds, for a test
                """
        )

        @Flag(help: "Write nothing; fail if a file is not what it should be, or should not be there.")
        var check = false

        @Option(name: .customLong("repository"), help: ArgumentHelp("The repository's folder.", valueName: "dir"))
        var repository = "."

        @Option(help: ArgumentHelp("Write only Prometheus' rules, with windows of seconds, into this folder.", valueName: "dir"))
        var rules: String?

        func validate() throws {
            if check, rules != nil { throw ValidationError("--check and --rules exclude each other.") }
        }

        func run() async throws {
            if let rules {
                try write(RenderedFile.rules(pace: .shortened), in: rules)
                return
            }
            let files = RenderedFile.all()
            let stale = try strays(files)
            guard check else {
                try write(files, in: repository)
                for path in stale { Files.removeTree("\(repository)/\(path)") }
                print("\(files.count) files")
                return
            }
            let different = files.filter { Files.read("\(repository)/\($0.path)", limit: 16 << 20) != $0.text }.map {
                "\($0.path) is not what it is generated as"
            }
            let problems = different + stale.map { "\($0) is generated no more" }
            guard problems.isEmpty else {
                for problem in problems { print(problem) }
                throw CommandFailure("run `hello-dd observability render`, and look at what changes")
            }
            print("\(files.count) files are what they are generated as")
        }

        /// Files in a generated folder that nothing generates.
        private func strays(_ files: [RenderedFile]) throws -> [String] {
            let expected = Set(files.map(\.path))
            return ["dashboards", "monitors", "objectives"].flatMap { folder in
                Files.list("\(repository)/observability/datadog/\(folder)").map { "observability/datadog/\(folder)/\($0)" }
            }.filter { !expected.contains($0) }.sorted()
        }

        private func write(_ files: [RenderedFile], in folder: String) throws {
            for file in files {
                let path = "\(folder)/\(file.path)"
                do {
                    try FileManager.default.createDirectory(
                        atPath: String(path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex)), withIntermediateDirectories: true)
                    try Data(file.text.utf8).write(to: URL(filePath: path))
                } catch {
                    throw CommandFailure("cannot write \(path)")
                }
            }
        }
    }
}

extension RenderedFile {
    /// As it is written, with the last line's end.
    var text: String {
        switch content {
        case .text(let text): text
        case .json(let json): json.pretty(width: 150) + "\n"
        }
    }
}
