import ArgumentParser
internal import AsyncHTTPClient
internal import HTTPPath
internal import HTTPTypes
internal import NIOCore

struct Trace: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what happened inside: a trace, as a waterfall.",
        discussion: """
            A trace is everything that the services did for one request. The console of a running shop keeps the latest ones, in memory; \
            its page shows the same, with a click. Without an argument, the latest traces are listed.

            EXAMPLES:
              hello-dd trace                                     the latest traces
              hello-dd trace --last                              the latest of them
              hello-dd trace --order 01933333-0000-7000-8000-000000000001
              hello-dd trace 4bf92f3577b34da6a3ce929d0e0e4736 --details
              hello-dd trace --errors                            the latest ones in which something failed
            """
    )

    @Argument(help: ArgumentHelp("The trace's id: 32 hexadecimal digits, as answers (traceId) and logs have it.", valueName: "id"))
    var id: String?

    @Flag(help: "The latest trace.")
    var last = false

    @Option(help: ArgumentHelp("All traces that the order of this id is in.", valueName: "id"))
    var order: String?

    @Flag(help: "With --last or a list: only traces in which something failed.")
    var errors = false

    @Flag(name: .shortAndLong, help: "Each span's attributes and events too.")
    var details = false

    @Flag(help: "Print the answer as it came.")
    var json = false

    @Option(help: ArgumentHelp("How long to wait for what has not come yet: services send every few seconds.", valueName: "seconds"))
    var wait = 6.0

    @Option(help: ArgumentHelp("Columns (default: the terminal's).", valueName: "columns"))
    var width: Int?

    @Option(help: ArgumentHelp("The console's address (default: that of the shop that runs on the data folder).", valueName: "url"))
    var url: String?

    @OptionGroup var data: DataOptions
    @OptionGroup var colour: ColourOptions

    func validate() throws {
        guard [id != nil, last, order != nil].count(where: { $0 }) <= 1 else {
            throw ValidationError("An id, --last and --order exclude each other.")
        }
        if let id, !(id.utf8.count == 32 && id.allSatisfy(\.isHexDigit)) {
            throw ValidationError("A trace's id is 32 hexadecimal digits, not \"\(id)\".")
        }
        guard !errors || id == nil && order == nil else { throw ValidationError("--errors goes with --last, or with a list.") }
        guard (0...600).contains(wait) else { throw ValidationError("--wait must be from 0 to 600.") }
        if let width, !(TraceView.leastWidth...1000).contains(width) {
            throw ValidationError("--width must be from \(TraceView.leastWidth) to 1000.")
        }
        if let url, !url.hasPrefix("http://"), !url.hasPrefix("https://") { throw ValidationError("--url must begin with http:// or https://.") }
    }

    func run() async throws {
        let address = try url ?? Self.address(of: data.folder)
        let view = TraceView(width: width ?? Environment.columns, style: colour.style(), details: details)
        try await ConsoleClient.with(address, wait: .milliseconds(Int64(wait * 1000)), advice: Self.advice(data.folder)) { console in
            if let id { return show([try await console.trace(id.lowercased())], view, address) }
            if let order { return show(try await console.traces(ofOrder: order), view, address) }
            let summaries = try await console.latest(last ? 1 : 20, onlyErrors: errors)
            if last, let latest = summaries["items"]?.array?.first?["traceId"]?.string {
                return show([try await console.trace(latest)], view, address)
            }
            if json { return print(summaries.pretty()) }
            for line in TraceView.table(summaries["items"]?.array ?? [], style: view.style) { print(line) }
        }
    }

    private func show(_ traces: [JSON], _ view: TraceView, _ address: String) {
        if json { return print((order == nil ? traces[0] : .array(traces)).pretty()) }
        for trace in traces {
            for line in view.lines(trace) { print(line) }
            print(view.style.paint("\(address)/#/traces/\(trace["traceId"]?.string ?? "")", .quiet))
            if traces.count > 1 { print("") }
        }
    }

    /// - Throws: a line that says why there is no console.
    static func address(of folder: RunFolder) throws(CommandFailure) -> String {
        guard let state = folder.running() else {
            throw CommandFailure("not running (data: \(folder.path)); start it with `\(Environment.command) up\(folder.option)`")
        }
        guard let url = state.url(of: .console) else {
            throw CommandFailure(
                "this shop runs without the console: its telemetry goes elsewhere, or nowhere. `\(Environment.command) up --help` tells when")
        }
        return url
    }

    private static func advice(_ folder: RunFolder) -> String { "`\(Environment.command) status\(folder.option)` shows what runs" }
}

/// The console's API, as far as this program asks.
struct ConsoleClient: Sendable {
    let upstream: any Upstream
    let address: String
    /// How long to ask again for what is not there yet.
    let wait: Duration
    let advice: String

    /// Of a trace with as many spans as the console keeps.
    private static let mostAnswerBytes = 64 << 20

    static func with<T: Sendable>(_ address: String, wait: Duration, advice: String, _ body: (ConsoleClient) async throws -> T) async throws -> T {
        let client = HTTPClient.forServices()
        let upstream = HTTPUpstream(
            name: "the console", baseURL: address, client: client, timeout: .seconds(30), maxBodyBytes: mostAnswerBytes)
        do {
            let result = try await body(ConsoleClient(upstream: upstream, address: address, wait: wait, advice: advice))
            try await client.shutdown()
            return result
        } catch {
            try? await client.shutdown()
            throw error
        }
    }

    func trace(_ id: String) async throws -> JSON {
        let missing = "the console has no trace \(id): it keeps the latest ones only, and none of before its start"
        return try await untilThere(missing) {
            let response = try await get("/api/v1/traces/\(id)")
            return response.status == 404 ? nil : try json(response)
        }
    }

    /// The oldest first: the one in which the order was placed. Ten at most.
    func traces(ofOrder order: String) async throws -> [JSON] {
        let missing = "the console has no trace of order \(order): it keeps the latest ones only, and none of before its start"
        let found = try await untilThere(missing) {
            let page = try json(await get("/api/v1/traces?limit=200&orderId=\(order.percentEncoded)"))
            let ids = (page["items"]?.array ?? []).compactMap { $0["traceId"]?.string }
            return ids.isEmpty ? nil : ids
        }
        var traces: [JSON] = []
        for id in found.suffix(10).reversed() { traces.append(try await trace(id)) }
        return traces
    }

    func latest(_ limit: Int, onlyErrors: Bool) async throws -> JSON {
        let missing = onlyErrors ? "nothing has failed yet" : "the console has no traces yet; use the shop, and ask again"
        return try await untilThere(missing) {
            let page = try json(await get("/api/v1/traces?limit=\(limit)\(onlyErrors ? "&status=error" : "")"))
            return page["items"]?.array?.isEmpty == false ? page : nil
        }
    }

    private func untilThere<T>(_ missing: String, _ ask: () async throws -> T?) async throws -> T {
        let end = ContinuousClock.now + wait
        while true {
            if let found = try await ask() { return found }
            guard ContinuousClock.now < end else { throw CommandFailure(missing) }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    private func get(_ path: String) async throws(CommandFailure) -> UpstreamResponse {
        do throws(UpstreamError) {
            return try await upstream.send(UpstreamRequest(.get, path))
        } catch {
            switch error.code {
            case .unreachable: throw CommandFailure("no console answers at \(address); \(advice)")
            default: throw CommandFailure("the console at \(address): \(error.detail)")
            }
        }
    }

    private func json(_ response: UpstreamResponse) throws(CommandFailure) -> JSON {
        guard (200..<300).contains(response.status) else { throw CommandFailure(Problem(response).text) }
        guard let json = try? JSON.parse(response.body.readableBytesView, maxDepth: 200) else {
            throw CommandFailure("what answers at \(address) is no console")
        }
        return json
    }
}
