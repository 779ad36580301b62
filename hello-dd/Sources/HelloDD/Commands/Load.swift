import ArgumentParser
internal import AsyncHTTPClient
internal import Basics
internal import HTTPPath
internal import ServiceKit

struct Load: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Offer the shop visitors at a constant rate, and say how long they waited.",
        discussion: """
            Visitors arrive on schedule whether or not the shop keeps up, and each one's time counts from the moment it was due: a shop that \
            stalls is not asked less, and its stall is in the percentiles. Nothing is asked twice unless --retries says so.

            JOURNEYS
              browse   a page of the catalogue, then one product with its price
              buy      one product with its price, then an order of one piece

            An error is no answer, a 429, or a 5xx. Any other 4xx is a refusal, such as a product that is sold out.

            OBJECTIVES decide the exit status: 0 if all are met, 1 if not. NAME=BOUND, at most so much, where NAME is p50, p90, p95, p99, p99.9, \
            max (of all requests, or of one journey's: buy.p99), errors or refused (a number, or a share such as 0.1%).

            EXAMPLES:
              hello-dd load --rate 100 --duration 30s
              hello-dd load --rate 50 --mix browse=1 --objective p99=50ms --objective errors=0
              hello-dd load --rate 20 --duration 2m --json > result.json
            """
    )

    @Option(help: ArgumentHelp("Visitors a second: 0.1 to 20000.", valueName: "number"))
    var rate = 20.0

    @Option(help: ArgumentHelp("How long they come: 1s to 24h.", valueName: "duration"))
    var duration = TimeSpan(.seconds(30))

    @Option(name: .customLong("warm-up"), help: ArgumentHelp("How long they come before it counts.", valueName: "duration"))
    var warmUp = TimeSpan(.zero)

    @Option(help: ArgumentHelp("Which journeys, by weight.", valueName: "journey=weight,…"))
    var mix = JourneyMix.usual

    @Option(help: ArgumentHelp("What must hold; may be given several times.", valueName: "name=bound"))
    var objective: [Objective] = []

    @Option(
        name: .customLong("max-in-flight"),
        help: ArgumentHelp("Visitors under way at once; those beyond are left out, and counted.", valueName: "number"))
    var maxInFlight = 1000

    @Option(help: ArgumentHelp("How long one request may take.", valueName: "duration"))
    var timeout = TimeSpan(.seconds(10))

    @Option(
        help: ArgumentHelp("How often a request without an answer, or with a 429 or 503, is sent again. An order keeps its key.", valueName: "number")
    )
    var retries = 0

    @Option(help: ArgumentHelp("Makes the same choices of journeys and products again.", valueName: "number"))
    var seed: UInt64 = 1

    @Flag(help: "Print the result as JSON.")
    var json = false

    @OptionGroup var shop: ShopOptions
    @OptionGroup var colour: ColourOptions

    func validate() throws {
        guard rate >= 0.1, rate <= 20_000 else { throw ValidationError("--rate must be from 0.1 to 20000.") }
        guard duration.value >= .seconds(1), duration.value <= .seconds(86_400) else { throw ValidationError("--duration must be from 1s to 24h.") }
        guard warmUp.value <= .seconds(3600) else { throw ValidationError("--warm-up must be at most 1h.") }
        guard (1...20_000).contains(maxInFlight) else { throw ValidationError("--max-in-flight must be from 1 to 20000.") }
        guard timeout.value >= .milliseconds(1), timeout.value <= .seconds(600) else { throw ValidationError("--timeout must be from 1ms to 10m.") }
        guard (0...10).contains(retries) else { throw ValidationError("--retries must be from 0 to 10.") }
    }

    func run() async throws {
        let plan = LoadPlan(
            rate: rate, duration: duration.value, warmUp: warmUp.value, mix: mix, maxInFlight: maxInFlight, retries: retries, seed: seed)
        let style = colour.style(for: json ? 2 : 1)
        let terminal = Terminal(descriptor: json ? 2 : 1, isLive: Environment.isTerminal(json ? 2 : 1), style: style)
        let result = try await shop.withShop(timeout: timeout.value, connections: maxInFlight) { shop in
            let products = try await LoadRun.products(of: shop)
            if !json { terminal.print("\(plan.summary) at \(shop.address); Ctrl-C ends it early") }
            return await LoadRun(plan: plan, shop: shop, products: products).run { terminal.live($0.progress(style: style)) }
        }
        terminal.live([])
        let verdicts = objective.map { $0.verdict(on: result) }
        if !json { for line in result.lines(verdicts, style: style) { terminal.print(line) } }
        await terminal.finish()
        if json { print(result.json(verdicts).pretty()) }
        if verdicts.contains(where: { !$0.isMet }) { throw ExitCode.failure }
    }
}

/// A length of time as people type it: `250ms`, `30s`, `2m`, `1h`.
struct TimeSpan: ExpressibleByArgument, Hashable, Sendable {
    let value: Duration

    init(_ value: Duration) { self.value = value }

    init?(argument: String) {
        let digits = argument.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard let number = Double(digits), number >= 0, number.isFinite, number < 1e9 else { return nil }
        switch argument.dropFirst(digits.count) {
        case "us": value = .microseconds(Int64(number.rounded()))
        case "ms": value = .microseconds(Int64((number * 1e3).rounded()))
        case "s": value = .microseconds(Int64((number * 1e6).rounded()))
        case "m", "min": value = .microseconds(Int64((number * 6e7).rounded()))
        case "h": value = .microseconds(Int64((number * 3.6e9).rounded()))
        default: return nil
        }
    }

    var defaultValueDescription: String { value == .zero ? "0s" : "\(fixed(value.milliseconds, decimals: 3))s" }
}
