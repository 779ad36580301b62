import ArgumentParser
internal import Basics
internal import HTTPPath
internal import HTTPTypes
internal import NIOCore
internal import PricingAPI

struct Order: AsyncParsableCommand {
    /// Who buys when nobody else is named.
    static let defaultShopper = "alice"

    static let configuration = CommandConfiguration(
        abstract: "Buy something, and see or cancel what was bought.",
        discussion: """
            Signs in as a shopper by itself. Cards are the payment sandbox's: card_approve, card_decline, card_insufficient_funds, \
            card_slow, card_timeout_after_charge, card_fail_then_succeed.

            EXAMPLES:
              hello-dd order LAPTOP-001
              hello-dd order MOUSE-001:2 KEYBOARD-001 --code WELCOME10 --region DE
              hello-dd order LAPTOP-001 --card card_decline
              hello-dd order list
              hello-dd order show ID
              hello-dd order cancel ID
            """,
        subcommands: [Place.self, List.self, Show.self, Cancel.self],
        defaultSubcommand: Place.self
    )
}

/// What every `order` command needs to know.
struct ShopperOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Who buys.", valueName: "name"))
    var subject = Order.defaultShopper

    @Flag(help: "Print the answer as it came.")
    var json = false

    @OptionGroup var shop: ShopOptions
    @OptionGroup var colour: ColourOptions

    func show(_ reply: Shop.Reply) throws {
        guard reply.isSuccess, let order = reply.json else { throw CommandFailure(reply.problem.text) }
        if json { return print(order.pretty()) }
        for line in OrderView.lines(order, style: colour.style()) { print(line) }
    }
}

extension Order {
    struct Place: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Place an order (what `order` does by itself).",
            discussion: """
                An order is never placed twice by accident: it is sent under a key, and the same key with the same content is the same \
                order. `--key` sends one again.
                """
        )

        @Argument(help: ArgumentHelp("What: a SKU or product id, and how many of it (default 1).", valueName: "sku[:quantity]"))
        var lines: [OrderLine]

        @Option(name: .customLong("code"), help: ArgumentHelp("A discount code; may be given several times.", valueName: "code"))
        var codes: [String] = []

        @Option(help: ArgumentHelp("Three capital letters of ISO 4217.", valueName: "code"))
        var currency = "USD"

        @Option(help: ArgumentHelp("Where tax is due: NONE, US-CA, US-NY, DE, GB, JP.", valueName: "region"))
        var region = "US-CA"

        @Option(help: ArgumentHelp("The sandbox's card to pay with.", valueName: "card"))
        var card = "card_approve"

        @Option(help: ArgumentHelp("The idempotency key (default: a new one).", valueName: "key"))
        var key: String?

        @Flag(name: .customLong("no-wait"), help: "Do not wait until the order has been carried out.")
        var withoutWaiting = false

        @OptionGroup var shopper: ShopperOptions

        func run() async throws {
            let key = key ?? Sources.system.makeID().description
            let body = OrderBody.json(lines, codes: codes, currency: currency, region: region, card: card)
            let caller = Shop.Caller.shopper(shopper.subject)
            try await shopper.shop.withShop { shop in
                var headers: HTTPFields = [.idempotencyKey: key]
                if withoutWaiting { headers[.prefer] = "respond-async" }
                var reply = try await shop.send(.post, "/api/v1/orders", as: caller, headers: headers, body: body)
                // Accepted and under way: ask until it has ended. Orders end within half a minute, one way or the other.
                let end = ContinuousClock.now + .seconds(60)
                while reply.status == 202, !withoutWaiting, ContinuousClock.now < end, let id = reply.json?["id"]?.string {
                    try await Task.sleep(for: .milliseconds(250))
                    reply = try await shop.send(.get, "/api/v1/orders/\(id.percentEncoded)", as: caller)
                    if reply.status == 200, reply.json?["status"]?.string == "pending" { reply.status = 202 }
                }
                try shopper.show(reply)
                if !shopper.json, reply.headers[.idempotencyReplayed] != nil { print("(the order that was placed under this key before)") }
                if let status = reply.json?["status"]?.string, status == "rejected" { throw ExitCode.failure }
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List one's orders, newest first.")

        @Option(help: ArgumentHelp("At most so many: 1 to 200.", valueName: "count"))
        var limit = 20

        @OptionGroup var shopper: ShopperOptions

        func validate() throws {
            guard (1...200).contains(limit) else { throw ValidationError("--limit must be from 1 to 200.") }
        }

        func run() async throws {
            try await shopper.shop.withShop { shop in
                let reply = try await shop.send(.get, "/api/v1/orders?limit=\(limit)", as: .shopper(shopper.subject))
                guard reply.isSuccess, let page = reply.json else { throw CommandFailure(reply.problem.text) }
                if shopper.json { return print(page.pretty()) }
                let items = page["items"]?.array ?? []
                guard !items.isEmpty else { return print("no orders of \(shopper.subject) yet") }
                for line in OrderView.table(items) { print(line) }
                if page["nextCursor"]?.string != nil { print("… and older ones; --limit shows more") }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show an order.")

        @Argument(help: ArgumentHelp("The order's id.", valueName: "id"))
        var id: String

        @OptionGroup var shopper: ShopperOptions

        func run() async throws {
            try await shopper.shop.withShop { shop in
                try shopper.show(try await shop.send(.get, "/api/v1/orders/\(id.percentEncoded)", as: .shopper(shopper.subject)))
            }
        }
    }

    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Cancel an order: money back, goods back on the shelf.")

        @Argument(help: ArgumentHelp("The order's id.", valueName: "id"))
        var id: String

        @OptionGroup var shopper: ShopperOptions

        func run() async throws {
            try await shopper.shop.withShop { shop in
                try shopper.show(try await shop.send(.post, "/api/v1/orders/\(id.percentEncoded)/cancel", as: .shopper(shopper.subject)))
            }
        }
    }
}

/// `LAPTOP-001` or `LAPTOP-001:2`.
struct OrderLine: ExpressibleByArgument, Hashable {
    var product: String
    var quantity: Int64

    init(product: String, quantity: Int64) {
        self.product = product
        self.quantity = quantity
    }

    init?(argument: String) {
        let parts = argument.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard ProductReference(parts[0]) != nil else { return nil }
        product = parts[0]
        guard parts.count == 2 else {
            quantity = 1
            return
        }
        guard let number = Int64(parts[1]), (1...QuoteRequest.largestQuantity).contains(number) else { return nil }
        quantity = number
    }
}

/// The body of `POST /orders`. What is wrong with it is the shop's to say.
enum OrderBody {
    static func json(_ lines: [OrderLine], codes: [String], currency: String, region: String, card: String, expectedTotal: JSON? = nil) -> JSON {
        var members: [JSON.Member] = [
            .init("lines", .array(lines.map { .object([.init("productId", .string($0.product)), .init("quantity", .integer($0.quantity))]) })),
            .init("currency", .string(currency)), .init("taxRegion", .string(region)), .init("paymentMethod", .string(card)),
        ]
        if !codes.isEmpty { members.append(.init("discountCodes", .array(codes.map(JSON.string)))) }
        if let expectedTotal { members.append(.init("expectedTotal", expectedTotal)) }
        return .object(members)
    }
}

extension HTTPField.Name {
    /// RFC 7240.
    static let prefer = HTTPField.Name("Prefer")!
}
