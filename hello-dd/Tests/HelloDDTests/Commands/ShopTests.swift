import Basics
import HTTPPath
import HTTPTypes
import NIOCore
import Synchronization
import Testing

@testable import HelloDD

struct ShopTests {
    @Test(
        "a lifetime is a whole number and a unit, above zero and at most a year",
        arguments: [
            ("90s", 90), ("15m", 900), ("12h", 43_200), ("365d", 31_536_000), ("0s", nil), ("-1h", nil), ("366d", nil), ("1", nil), ("", nil),
            ("9999999999999999d", nil),
        ]
            as [(String, Int64?)])
    func lifetimes(text: String, seconds: Int64?) {
        #expect(Lifetime(argument: text)?.duration == seconds.map { .seconds($0) })
    }

    @Test(
        "an order's line is a product and a quantity",
        arguments: [
            ("LAPTOP-001", 1), ("LAPTOP-001:3", 3), ("LAPTOP-001:0", nil), ("LAPTOP-001:x", nil), ("LAPTOP-001:", nil), ("a b", nil), ("", nil),
        ]
            as [(String, Int64?)])
    func orderLines(text: String, quantity: Int64?) {
        #expect(OrderLine(argument: text)?.quantity == quantity)
    }

    @Test("an order's body holds what was said and no more")
    func orderBody() throws {
        let line = try #require(OrderLine(argument: "LAPTOP-001:2"))
        let body = OrderBody.json([line], codes: [], currency: "USD", region: "DE", card: "card_approve")
        #expect(
            body.pretty(width: 200)
                == #"{"lines": [{"productId": "LAPTOP-001", "quantity": 2}], "currency": "USD", "taxRegion": "DE", "paymentMethod": "card_approve"}"#)
        let more = OrderBody.json([line], codes: ["A", "B"], currency: "USD", region: "DE", card: "c", expectedTotal: .null)
        #expect(more["discountCodes"] == .array([.string("A"), .string("B")]))
        #expect(more["expectedTotal"] == .null)
    }

    @Test("an order is shown with its lines, its total and why it was refused")
    func orderView() throws {
        let order = try JSON.parse(
            Array(
                #"""
                {"id":"x","status":"rejected","rejection":{"code":"card_declined","detail":"No."},"lines":[{"productId":"MUG","quantity":2}],
                "discountCodes":["WELCOME10"],"taxRegion":"DE","total":{"amountMinor":1999,"currency":"EUR"}}
                """#.utf8))
        #expect(
            OrderView.lines(order, style: .plain) == [
                "order x rejected", "  card_declined: No.", "  2 × MUG", "  with WELCOME10", "  total 19.99 EUR, tax of DE included",
            ])
        #expect(OrderView.table([order])[1] == "x      rejected  19.99 EUR  -       2 × MUG")
    }

    @Test("a problem is shown with every pointer, and its text cannot command the terminal")
    func problemText() {
        let problem = Problem(
            422, "invalid_body", "Two fields are not acceptable.\u{1B}[2J",
            errors: [FieldError(pointer: "/sku", detail: "is required"), FieldError(pointer: "", detail: "too much")])
        let short = Problem(
            409, "insufficient_stock", "One.",
            extra: [
                .init("lines", .array([.object([.init("sku", .string("MUG")), .init("requested", .integer(4)), .init("available", .integer(3))])]))
            ])
        #expect(short.lines == ["409 insufficient_stock: One.", "  MUG: 4 wanted, 3 available"])
        #expect(problem.text == "422 invalid_body: Two fields are not acceptable.^[[2J\n  /sku: is required\n  too much")
    }

    @Test("JSON is laid out by what fits on a line")
    func prettyJSON() throws {
        let json = try JSON.parse(Array(#"{"a":[],"b":{"c":"d\n","long":[1,2.50,true,null,"xxxxxxxxxxxxxxxxxxxxxxxxx"]},"e":{}}"#.utf8))
        #expect(
            json.pretty(width: 40) == #"""
                {
                  "a": [],
                  "b": {
                    "c": "d\n",
                    "long": [
                      1,
                      2.50,
                      true,
                      null,
                      "xxxxxxxxxxxxxxxxxxxxxxxxx"
                    ]
                  },
                  "e": {}
                }
                """#)
        #expect(json.pretty(width: 200).contains("\n") == false)
    }

    @Test("the ledger's equations hold over all kinds of movements")
    func ledger() {
        func movement(_ kind: String, _ quantity: Int64) -> JSON { .object([.init("kind", .string(kind)), .init("quantity", .integer(quantity))]) }
        let ledger = Ledger([
            movement("receipt", 10), movement("adjustment", -2), movement("reserve", 5), movement("release", 1), movement("expire", 1),
            movement("sell", 2),
            movement("return", 1),
        ])
        #expect(ledger.onHand == 7)
        #expect(ledger.reserved == 1)
    }
}

/// A shop that answers from a script.
struct GuideTests {
    private final class Shown: Sendable {
        let lines = Mutex<[String]>([])
        func add(_ line: String) { lines.withLock { $0.append(line) } }
        var text: String { lines.withLock { $0.joined(separator: "\n") } }
    }

    private func guide(_ script: ScriptedShop, _ shown: Shown) -> Guide {
        Guide(shop: script.shop, style: .plain, isBrief: false) { shown.add($0) }
    }

    @Test("requests and answers are shown, and an unexpected status is a surprise with the answer shown")
    func statuses() async throws {
        let (script, shown) = (ScriptedShop([(200, #"{"a":1}"#), (500, #"{"code":"internal"}"#)]), Shown())
        let guide = guide(script, shown)
        try await guide.ask(.get, "/x", expecting: 200)
        #expect(shown.text == "\n→ GET /x\n← 200\n  {\"a\": 1}")
        await #expect(throws: Surprise(description: "GET /y answered 500, not 200 or 201")) { try await guide.ask(.get, "/y", expecting: 200, 201) }
        #expect(shown.text.hasSuffix("← 500\n  {\"code\": \"internal\"}"))
        #expect(guide.requests == 2)
    }

    @Test("a promise that is not kept is a surprise")
    func promises() throws {
        let guide = guide(ScriptedShop([]), Shown())
        try guide.see("one is one", true)
        #expect(throws: Surprise(description: "it is not so that one is two")) { try guide.see("one is two", false) }
        #expect(guide.checks == 2)
    }

    @Test("a shop that does not answer is one line that says how to start it")
    func noShop() async {
        let guide = guide(ScriptedShop([]), Shown())
        await #expect(throws: CommandFailure("no shop answers at http://here; start it")) { try await guide.ask(.get, "/x", expecting: 200) }
    }

    @Test("a shop with another key is one line that says which folder's key was tried")
    func otherKey() async throws {
        let folder = try Files.makeTemporaryFolder()
        defer { Files.removeTree(folder) }
        let shop = ScriptedShop([(401, "{}"), (401, "{}")]).shop(keys: KeyRing(folder: RunFolder(path: folder)))
        let failure = await #expect(throws: CommandFailure.self) { try await shop.send(.get, "/x", as: .operator) }
        #expect(failure?.description.contains("signed with \(folder)/keys; name its data folder with --data DIR") == true)
        #expect(try await shop.send(.get, "/x").status == 401)
    }
}
