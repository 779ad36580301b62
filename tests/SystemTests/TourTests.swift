import Foundation
import TestKit
import Testing

/// The command line against the three real services: the programs beside these tests, in a folder and on ports of their own.
@Suite(.serialized)
struct TourTests {
    private static let programs = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()

    /// A shop that runs in the background.
    private struct Shop {
        let folder: URL

        func run(_ arguments: String...) async throws -> (code: Int32, output: String) {
            let result = try await runCommand(TourTests.programs.appending(path: "hello-dd").path(), arguments + ["--data", folder.path()])
            return (result.code, result.output + result.errors)
        }

        func write(_ text: String, to name: String) throws -> String {
            let file = folder.appending(path: name)
            try Data(text.utf8).write(to: file)
            return file.path()
        }
    }

    private func withShop(_ body: (Shop) async throws -> Void) async throws {
        let shop = Shop(folder: FileManager.default.temporaryDirectory.appending(path: "tour-\(UUID())"))
        try FileManager.default.createDirectory(at: shop.folder, withIntermediateDirectories: true)
        let up = try await shop.run("up", "--detach", "--gateway-port", "0", "--inventory-port", "0", "--pricing-port", "0", "--no-console")
        try #require(up.code == 0, "\(up.output)")
        let result: Result<Void, any Error>
        do { result = .success(try await body(shop)) } catch { result = .failure(error) }
        _ = try await shop.run("down", "--now")
        try FileManager.default.removeItem(at: shop.folder)
        try result.get()
    }

    @Test("the tour meets no surprise, and can be taken twice")
    func tour() async throws {
        try await withShop { shop in
            for _ in 0..<2 {
                let demo = try await shop.run("demo")
                #expect(demo.code == 0, "\(demo.output)")
                #expect(demo.output.contains("promises kept"))
            }
            let health = try await shop.run("health")
            #expect(health.code == 0, "\(health.output)")
        }
    }

    @Test("what an import brings can be bought, and its bad rows are named by line, column and reason")
    func imports() async throws {
        try await withShop { shop in
            let file = try shop.write(
                """
                sku,name,category,stock,price_minor,currency
                MUG-1,"Mug, large",kitchen,5,900,USD
                mug 2,Mug,kitchen,5,900,USD
                MUG-3,Mug,kitchen,5,9.00,USD
                MUG-4,Mug,Kitchen Things,5,900,USD

                """, to: "mugs.csv")
            let checked = try await shop.run("import", file, "--dry-run")
            #expect(checked.code == 0)
            #expect(checked.output.contains("would be 2 created"))
            #expect(try await shop.run("order", "MUG-1").code == 1)

            let imported = try await shop.run("import", file, "--strict")
            #expect(imported.code == 1)
            #expect(imported.output.contains("mugs.csv:3: sku: "))
            #expect(imported.output.contains("mugs.csv:4: price_minor: "))
            #expect(imported.output.contains("mugs.csv:5: category: "))
            #expect(imported.output.contains("2 created"))

            let order = try await shop.run("order", "MUG-1:2", "--region", "NONE")
            #expect(order.code == 0, "\(order.output)")
            #expect(order.output.contains("total 18.00 USD"))
            let short = try await shop.run("order", "MUG-1:4")
            #expect(short.code == 1)
            #expect(short.output.contains("MUG-1: 4 wanted, 3 available"))
            let declined = try await shop.run("order", "MUG-1", "--card", "card_decline")
            #expect(declined.code == 1)
            #expect(declined.output.hasPrefix("Error: 402 "))
            let list = try await shop.run("order", "list").output.split(separator: "\n")
            #expect(list.count { $0.contains(" confirmed ") } == 1 && list.count { $0.contains(" rejected ") } >= 2)
        }
    }
}
