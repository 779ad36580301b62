import Testing

@Suite("imports go down")
struct LayerTests {
    @Test("no module imports one above it, beside it, or the server framework away from the edge")
    func house() {
        #expect(Repository.sources.count > 10, "the sources were not found")
        expectNone(Repository.sources.flatMap { Layers.house.violations(in: $0) })
    }

    @Test("every module of the table has sources, and the table points to the ground only")
    func table() {
        let present = Set(Repository.sources.map(\.module)).union(["CSQLite", "CPostgreSQL", "CZlib"])
        #expect(Layers.house.modules.filter { !present.contains($0) } == [])
        #expect(Layers.house.misplaced == [])
        #expect(Layers([("A", ["B"]), ("B", ["B"])]).misplaced == ["A -> B", "B -> B"])
    }

    @Test(
        "a planted import that breaks a rule is caught",
        arguments: [
            ("platform/Sources/Basics/Planted.swift", "import ServiceKit"),
            ("platform/Sources/HTTPPath/Planted.swift", "public import Database"),
            ("platform/Sources/ServiceKit/Planted.swift", "@preconcurrency import InventoryAPI"),
            ("inventory-service/Sources/InventoryAPI/Planted.swift", "import ServiceKit"),
            ("inventory-service/Sources/InventoryService/Planted.swift", "import PricingAPI"),
            ("pricing-service/Sources/PricingService/Planted.swift", "import InventoryService"),
            ("pricing-service/Sources/PricingService/Planted.swift", "import Gateway"),
            ("api-gateway/Sources/Payments/Planted.swift", "import Orders"),
            ("api-gateway/Sources/Orders/OrderRoutes.swift", "import Hummingbird"),
            ("api-gateway/Sources/Gateway/Planted.swift", "import struct InventoryService.Product"),
            ("inventory-service/Sources/InventoryService/Reserve.swift", "import Hummingbird"),
            ("inventory-service/Sources/InventoryService/Apply.swift", "import Hummingbird"),
            ("hello-dd/Sources/HelloDD/App.swift", "import Hummingbird"),
            ("hello-dd/Sources/HelloDD/Planted.swift", "import Orders"),
            ("platform/Sources/Basics/Planted.swift", "import Foundation"),
            ("platform/Sources/Basics/Planted.swift", "internal import struct Foundation.Data"),
            ("platform/Sources/Unknown/Planted.swift", "import Basics"),
        ])
    func planted(path: String, text: String) {
        #expect(Layers.house.violations(in: SwiftSource(path: path, text: text)).count == 1)
    }

    @Test(
        "an import that keeps the rules is left alone",
        arguments: [
            ("platform/Sources/ServiceKit/Planted.swift", "import Hummingbird\nimport Database"),
            ("inventory-service/Sources/InventoryService/Routes+stock.swift", "import Hummingbird\nimport InventoryAPI"),
            ("pricing-service/Sources/PricingService/App.swift", "import Hummingbird"),
            ("pricing-service/Sources/PricingService/Routes/Preconditions.swift", "import Hummingbird"),
            ("api-gateway/Sources/Gateway/Planted.swift", "import Orders\nimport FoundationEssentials\nimport Synchronization"),
            ("platform/Sources/Basics/Planted.swift", "// import ServiceKit\nlet text = \"import ServiceKit\""),
        ])
    func allowed(path: String, text: String) {
        #expect(Layers.house.violations(in: SwiftSource(path: path, text: text)).map(\.description) == [])
    }
}

/// One recorded issue a violation, so that a failing run names them all.
func expectNone(_ violations: [Violation], sourceLocation: SourceLocation = #_sourceLocation) {
    for violation in violations {
        Issue.record(Comment(rawValue: violation.description), sourceLocation: sourceLocation)
    }
}
