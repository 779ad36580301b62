import Basics
import HTTPPath
import NIOCore
import Payments
import PricingAPI
import TestKit
import Testing

@testable import Orders

@Suite("reading orders")
struct ReadingTests {
    @Test("an order of another customer is not there, and everybody's are there for an operator", arguments: StoreEngine.allCases)
    func ownership(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let orders = scene.orders()
        let order = try await scene.place(orders, subject: "ann")
        #expect(try await orders.get(order.id, subject: "ann").id == order.id)
        #expect(try await orders.get(order.id).id == order.id)
        let refused = try await problem { try await orders.get(order.id, subject: "bob") }
        #expect(refused?.status == 404)
        #expect(refused?.code == "order_not_found")
        #expect(try await problem { try await orders.get(scene.clock.sources.makeID()) } == refused, "as if it did not exist")
    }

    @Test("the list is newest first, of one customer or of all, and goes on where a page ended", arguments: StoreEngine.allCases)
    func list(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let orders = scene.orders()
        var placed: [Identifier] = []
        for (index, subject) in ["ann", "bob", "ann", "ann"].enumerated() {
            scene.clock.advance(by: .seconds(1))
            placed.append(try await scene.place(orders, Scene.request([("LAPTOP-001", 1)]), subject: subject, key: "k\(index)").id)
        }
        #expect(try await orders.list(subject: nil, before: nil, limit: 10).map(\.id) == placed.reversed())
        #expect(try await orders.list(subject: "ann", before: nil, limit: 10).map(\.id) == [placed[3], placed[2], placed[0]])
        #expect(try await orders.list(subject: "ann", before: nil, limit: 2).map(\.id) == [placed[3], placed[2]])
        #expect(try await orders.list(subject: "ann", before: placed[2], limit: 2).map(\.id) == [placed[0]])
        #expect(try await orders.list(subject: "eve", before: nil, limit: 2).isEmpty)
    }

    @Test("a confirmed order shows what was asked for, what it cost and the ids of what was done", arguments: StoreEngine.allCases)
    func confirmedOnTheWire(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let order = try await scene.place(scene.orders())
        let outcome = try #require(order.outcome)
        #expect(
            try wire(order) == [
                "id": "\(order.id)", "status": "confirmed", "lines": [["productId": "LAPTOP-001", "quantity": 2]], "currency": "USD",
                "taxRegion": "NONE", "paymentMethod": "card_approve", "total": ["amountMinor": 2000, "currency": "USD"],
                "quoteId": "\(outcome.quoteID!)", "reservationId": "\(outcome.reservationID)", "paymentId": "\(outcome.paymentID)",
                "createdAt": "2026-01-15T09:00:00Z", "updatedAt": "2026-01-15T09:00:00Z",
            ])
    }

    @Test("a rejected order shows why", arguments: StoreEngine.allCases)
    func rejectedOnTheWire(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        scene.stage.fail(
            "reserve", .refused(Problem(422, "invalid_body", "No.", errors: [FieldError(pointer: "/lines/0/productId", detail: "is no product")])))
        let rejection = try await wire(scene.place(scene.orders()))["rejection"]
        #expect(rejection == ["code": "invalid_body", "detail": "No.", "errors": [["pointer": "/lines/0/productId", "detail": "is no product"]]])
    }

    static let full: JSON = [
        "lines": [["productId": "LAPTOP-001", "quantity": 2]], "discountCodes": ["WELCOME10"], "currency": "USD", "taxRegion": "US-CA",
        "paymentMethod": "card_approve", "expectedTotal": ["amountMinor": 2000, "currency": "USD"],
    ]

    @Test("a request is written as it is read")
    func roundTrip() throws {
        let request = try Fields.read(Self.full, OrderRequest.init)
        #expect(try JSON.parse(JSONWriter.bytes(request).readableBytesView) == Self.full)
    }

    @Test(
        "what is wrong with a request is named",
        arguments: [
            ("lines", nil, "/lines"), ("lines", .array([]), "/lines"), ("currency", "DOLLARS", "/currency"), ("taxRegion", "nowhere", "/taxRegion"),
            ("paymentMethod", "gold", "/paymentMethod"), ("paymentMethod", nil, "/paymentMethod"),
            ("expectedTotal", ["amountMinor": 2000, "currency": "EUR"], "/expectedTotal"),
            ("expectedTotal", ["amountMinor": -1, "currency": "USD"], "/expectedTotal/amountMinor"), ("note", "hello", "/note"),
        ] as [(String, JSON?, String)])
    func invalid(_ name: String, _ value: JSON?, _ pointer: String) throws {
        let error = #expect(throws: InvalidInput.self) { try Fields.read(Self.full.with(name, value), OrderRequest.init) }
        #expect(error?.errors.map(\.pointer) == [pointer])
    }

    private func wire(_ order: Order) throws -> JSON { try JSON.parse(JSONWriter.bytes(order).readableBytesView) }
}
