import ArgumentParser
internal import Basics
internal import HTTPPath
internal import HTTPTypes

struct Fault: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Break something on purpose, and mend it.",
        discussion: """
            Makes the requests of a service slow, or fail: so many of a hundred, of one route or of all, until the fault ends by itself or is \
            cleared. Health, documents and the commands below are never met by it. A shop that `hello-dd up` started allows this; others \
            only with FAULTS_ENABLED=true.

            EXAMPLES:
              hello-dd fault add inventory latency --latency 800ms --duration 2m
              hello-dd fault add pricing error --percent 30
              hello-dd fault add gateway error --status 500 --route "GET /api/v1/products/{id}"
              hello-dd fault list
              hello-dd fault clear
            """,
        subcommands: [Add.self, List.self, Clear.self]
    )

    enum Kind: String, CaseIterable, ExpressibleByArgument {
        case latency, error
    }

    static let path = "/api/v1/admin/faults"
}

extension Fault {
    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Set a fault.")

        @Argument(help: ArgumentHelp("Where: inventory, pricing or gateway.", valueName: "service"))
        var service: Service

        @Argument(help: "latency: requests wait first. error: they are answered with a 5xx.")
        var kind: Kind

        @Option(help: ArgumentHelp("How long a request waits: 0 to 60s (default: 1s for latency, none for an error).", valueName: "duration"))
        var latency: TimeSpan?

        @Option(help: ArgumentHelp("What an error answers: 500, 502, 503 or 504.", valueName: "status"))
        var status: Int64?

        @Option(help: ArgumentHelp("Of a hundred requests, so many.", valueName: "number"))
        var percent: Int64 = 100

        @Option(help: ArgumentHelp("Only this route, such as \"GET /api/v1/products/{id}\".", valueName: "route"))
        var route: String?

        @Option(help: ArgumentHelp("It ends by itself after this: 1s to 1h.", valueName: "duration"))
        var duration = TimeSpan(.seconds(60))

        @Option(help: ArgumentHelp("Meets the same requests of a sequence again.", valueName: "number"))
        var seed: Int64 = 1

        @OptionGroup var shop: ShopOptions

        var body: JSON {
            var members: [JSON.Member] = [
                .init("service", .string(service.name)), .init("kind", .string(kind.rawValue)), .init("percent", .integer(percent)),
                .init("durationSeconds", .integer(duration.value.components.seconds)), .init("seed", .integer(seed)),
            ]
            if let latency { members.append(.init("latencyMs", .integer(latency.value.milliseconds))) }
            if let status { members.append(.init("status", .integer(status))) }
            if let route { members.append(.init("route", .string(route))) }
            return .object(members)
        }

        func run() async throws {
            try await shop.withShop { shop in
                let reply = try await shop.send(.post, Fault.path, as: .operator, body: body)
                guard reply.isSuccess, let fault = reply.json else { throw CommandFailure(reply.problem.text) }
                print("set until \(fault["endsAt"]?.string ?? "?"); `hello-dd fault clear \(fault["id"]?.string ?? "")` ends it earlier")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the faults that are in force.")

        @Flag(help: "Print the answer as it came.")
        var json = false

        @OptionGroup var shop: ShopOptions

        func run() async throws {
            try await shop.withShop { shop in
                let reply = try await shop.send(.get, Fault.path, as: .operator)
                guard reply.isSuccess, let page = reply.json else { throw CommandFailure(reply.problem.text) }
                if json { return print(page.pretty()) }
                for line in FaultView.lines(page) { print(line) }
            }
        }
    }

    struct Clear: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End a fault, or all.")

        @Argument(help: ArgumentHelp("Only this one (default: all, in every service).", valueName: "id"))
        var id: String?

        @OptionGroup var shop: ShopOptions

        func run() async throws {
            try await shop.withShop { shop in
                let reply = try await shop.send(.delete, Fault.path + (id.map { "/\($0.percentEncoded)" } ?? ""), as: .operator)
                guard reply.isSuccess else { throw CommandFailure(reply.problem.text) }
                guard let json = reply.json else { return print("cleared") }
                print("cleared \(json["cleared"]?.integer ?? 0)")
                let unavailable = FaultView.unavailable(json)
                guard unavailable.isEmpty else {
                    throw CommandFailure("no answer from \(unavailable.joined(separator: ", ")): what is set there stays")
                }
            }
        }
    }
}

/// The list of faults as people read it.
enum FaultView {
    static func lines(_ page: JSON) -> [String] {
        let items = page["items"]?.array ?? []
        var lines: [String] = []
        if items.isEmpty {
            lines.append("no faults")
        } else {
            var table = Table(header: ["FAULT", "SERVICE", "WHAT", "OF 100", "ROUTE", "ENDS", "MET"], rightAligned: [3, 6])
            table.rows = items.map { item in
                let wait = item["latencyMs"]?.integer ?? 0
                let isError = item["kind"]?.string == "error"
                let what = (wait > 0 ? ["\(wait) ms"] : []) + (isError ? ["status \(item["status"]?.integer ?? 0)"] : [])
                return [
                    text(item, "id"), text(item, "service"), what.joined(separator: ", then "), "\(item["percent"]?.integer ?? 0)",
                    item["route"] == nil ? "all" : text(item, "route"), text(item, "endsAt"), "\(item["injections"]?.integer ?? 0)",
                ]
            }
            lines += table.lines()
        }
        return lines + unavailable(page).map { "\($0) did not answer" }
    }

    static func unavailable(_ page: JSON) -> [String] { (page["unavailable"]?.array ?? []).compactMap { $0.string.map(safe) } }

    private static func text(_ item: JSON, _ name: String) -> String { safe(item[name]?.string ?? "?") }

    private static func safe(_ text: String) -> String { Array(text.utf8).forTerminal(colours: false) }
}
