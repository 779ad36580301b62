import ArgumentParser
internal import HTTPPath
internal import HTTPTypes
internal import InventoryAPI

struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Load products from a file.",
        discussion: """
            Reads CSV with a header line, or NDJSON (one JSON object a line), in one pass whatever its length, and sends it to the shop as \
            it is read. A product is found by its SKU: a new one is created, a known one updated. Bad rows are named by line, column and \
            reason, and the good ones are imported all the same.

            EXAMPLES:
              hello-dd import catalogue.csv
              hello-dd import catalogue.csv --dry-run     check it, change nothing
              hello-dd import catalogue.csv --strict      exit code 1 if any row is bad
              gunzip -c big.ndjson.gz | hello-dd import - --format ndjson
            """
    )

    enum Format: String, CaseIterable, ExpressibleByArgument {
        case csv, ndjson

        var mediaType: String { self == .csv ? "text/csv" : "application/x-ndjson" }

        /// By what the file's name ends with.
        init?(path: String) {
            let name = path.lowercased()
            if name.hasSuffix(".csv") {
                self = .csv
            } else if name.hasSuffix(".ndjson") || name.hasSuffix(".jsonl") {
                self = .ndjson
            } else {
                return nil
            }
        }
    }

    @Argument(help: ArgumentHelp("The file; - is the standard input.", valueName: "file"))
    var file: String

    @Flag(help: "Check every row, change nothing.")
    var dryRun = false

    @Flag(help: "Exit code 1 if any row is bad.")
    var strict = false

    @Option(help: "What the file holds (default: by its name: .csv, .ndjson or .jsonl).")
    var format: Format?

    @Flag(help: "Print the report as JSON.")
    var json = false

    @OptionGroup var shop: ShopOptions
    @OptionGroup var colour: ColourOptions

    func run() async throws {
        guard let format = format ?? Format(path: file) else {
            throw CommandFailure("what \(file) holds cannot be told from its name; say --format csv or --format ndjson")
        }
        let body = try FileBody(path: file)
        defer { body.closeFile() }
        let began = ContinuousClock.now
        let report = try await shop.withShop { shop in try await send(body, format, to: shop) }
        if json {
            print(JSON.object(ImportView.members(report)).pretty())
        } else {
            for line in ImportView.problems(report, file: file) { printError(line) }
            print(ImportView.summary(report, file: file, after: .now - began, style: colour.style()))
        }
        if strict, report.rejected > 0 { throw ExitCode.failure }
    }

    private func send(_ body: FileBody, _ format: Format, to shop: Shop) async throws -> ImportReport {
        let terminal = Terminal(descriptor: 2, isLive: Environment.isTerminal(2), style: colour.style(for: 2))
        let began = ContinuousClock.now
        let reply = try await withThrowingTaskGroup(of: Shop.Reply?.self) { group in
            group.addTask {
                // A thousand errors of 500 characters, and some.
                try await shop.stream(
                    .post, InventoryPaths.import + (dryRun ? "?dryRun=true" : ""), as: .operator, headers: [.contentType: format.mediaType],
                    body: body,
                    maxAnswerBytes: 4 << 20)
            }
            group.addTask {
                while !Task.isCancelled {
                    terminal.live([ImportView.progress(body.progress.count, of: body.size, after: .now - began, style: terminal.style)])
                    try? await Task.sleep(for: .milliseconds(100))
                }
                return nil
            }
            defer { group.cancelAll() }
            while let result = try await group.next() { if let result { return result } }
            throw CancellationError()
        }
        terminal.live([])
        await terminal.finish()
        guard reply.isSuccess else { throw CommandFailure(reply.problem.text) }
        return try Problem.reading(reply.body, strict: false, ImportReport.init)
    }
}
