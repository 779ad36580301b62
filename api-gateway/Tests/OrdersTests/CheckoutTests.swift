import Basics
import Database
import HTTPPath
import NIOCore
import PricingAPI
import TestKit
import Testing

@testable import Orders

/// What pricing is told of an order.
@Suite("checking out")
struct CheckoutTests {
    @Test("pricing is told who orders, also by the replica that takes an order up", arguments: StoreEngine.allCases)
    func shopper(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let order = try await scene.place(scene.orders())
        #expect(scene.prices.shopper(order.id) == order.subject && !order.subject.isEmpty)
        // What is stored is what another replica goes by.
        let rows = try await scene.database.query("SELECT data FROM sagas")
        let stored = try rows.map { try $0.decode("data", as: String.self) }
        #expect(stored.count == 1 && stored[0].contains("\"shopper\":\"\(order.subject)\""))
        // And it is nobody's business outside.
        #expect(try JSON.parse(Array(JSONWriter.bytes(order).readableBytesView))["shopper"] == nil)
    }

    @Test("an order that leaves the choice of codes to the shop asks for its quote so, and says so")
    func best() async throws {
        let scene = try await Scene()
        var request = Scene.request()
        request.discountCodes = ["A1", "B1"]
        request.combine = .best
        let order = try await scene.place(scene.orders(), request)
        #expect(scene.prices.asked.map(\.combine) == [.best] && scene.prices.asked[0].discountCodes == ["A1", "B1"])
        #expect(order.request == request)
        #expect(try JSON.parse(Array(JSONWriter.bytes(order).readableBytesView))["combine"] == "best")
    }
}
