import ArgumentParser
internal import HTTPPath

struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Load products from a file.",
        discussion: """
            Reads CSV with a header line, or NDJSON (one JSON object a line), in one pass whatever its length, and sends it to the shop as \
            it is read. A product is found by its SKU: a new one is created, a known one updated. Bad rows are named by line, column and \
            reason, and the good ones are imported all the same.

            Columns: sku, name, category; and as you like description, attributes (JSON), reorder_point, stock (of new products), price_minor \
            and currency. Prices are set when the products are there. NDJSON: the fields of `POST /api/v1/products`, stock, and price as \
            {"amountMinor": 1999, "currency": "USD"}.

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

    @Flag(name: .customLong("no-prices"), help: "Leave the prices as they are.")
    var withoutPrices = false

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
        let work = ImportWork(
            file: file, format: format, dryRun: dryRun, setsPrices: !withoutPrices,
            terminal: Terminal(
                descriptor: 2, isLive: Environment.isTerminal(2), style: colour.style(for: 2)))
        let outcome = try await shop.withShop { shop in try await work.run(shop) }
        if json {
            print(outcome.json.pretty())
        } else {
            for line in outcome.problems(file: file) { printError(line) }
            for line in outcome.summary(file: file, style: colour.style()) { print(line) }
        }
        if strict, outcome.hasBadRows { throw ExitCode.failure }
    }
}
