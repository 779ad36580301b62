import Foundation
import Testing

/// The command line against the three real services: the programs beside these tests, in a folder and on ports of their own.
@Suite(.serialized)
struct TourTests {
    private static let programs = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()

    /// A shop that runs in the background until the test ends.
    private final class Shop {
        private let folder: URL

        init() throws {
            folder = FileManager.default.temporaryDirectory.appending(path: "tour-\(UUID())")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let up = try run("up", "--detach", "--gateway-port", "0", "--inventory-port", "0", "--pricing-port", "0")
            try #require(up.code == 0, "\(up.output)")
        }

        deinit {
            _ = try? run("down", "--now")
            try? FileManager.default.removeItem(at: folder)
        }

        func run(_ arguments: String...) throws -> (code: Int32, output: String) {
            let process = Process()
            process.executableURL = TourTests.programs.appending(path: "hello-dd")
            process.arguments = arguments + ["--data", folder.path()]
            let output = folder.appending(path: "output")
            try Data().write(to: output)
            let handle = try FileHandle(forWritingTo: output)
            process.standardOutput = handle
            process.standardError = handle
            try process.run()
            process.waitUntilExit()
            return (process.terminationStatus, try String(contentsOf: output, encoding: .utf8))
        }

        func write(_ text: String, to name: String) throws -> String {
            let file = folder.appending(path: name)
            try Data(text.utf8).write(to: file)
            return file.path()
        }
    }

    @Test("the tour meets no surprise, and can be taken twice")
    func tour() throws {
        let shop = try Shop()
        for _ in 0..<2 {
            let demo = try shop.run("demo")
            #expect(demo.code == 0, "\(demo.output)")
            #expect(demo.output.contains("promises kept"))
        }
        let health = try shop.run("health")
        #expect(health.code == 0, "\(health.output)")
    }

    @Test("what an import brings can be bought, and its bad rows are named by line, column and reason")
    func imports() throws {
        let shop = try Shop()
        let file = try shop.write(
            """
            sku,name,category,stock,price_minor,currency
            MUG-1,"Mug, large",kitchen,5,900,USD
            mug 2,Mug,kitchen,5,900,USD
            MUG-3,Mug,kitchen,5,9.00,USD
            MUG-4,Mug,Kitchen Things,5,900,USD

            """, to: "mugs.csv")
        let checked = try shop.run("import", file, "--dry-run")
        #expect(checked.code == 0)
        #expect(checked.output.contains("would be 2 created"))
        #expect(try shop.run("order", "MUG-1").code == 1)

        let imported = try shop.run("import", file, "--strict")
        #expect(imported.code == 1)
        #expect(imported.output.contains("mugs.csv:3: sku: "))
        #expect(imported.output.contains("mugs.csv:4: price_minor: "))
        #expect(imported.output.contains("mugs.csv:5: category: "))
        #expect(imported.output.contains("2 created"))

        let order = try shop.run("order", "MUG-1:2", "--region", "NONE")
        #expect(order.code == 0, "\(order.output)")
        #expect(order.output.contains("total 18.00 USD"))
        let short = try shop.run("order", "MUG-1:4")
        #expect(short.code == 1)
        #expect(short.output.contains("MUG-1: 4 wanted, 3 available"))
        let declined = try shop.run("order", "MUG-1", "--card", "card_decline")
        #expect(declined.code == 1)
        #expect(declined.output.hasPrefix("Error: 402 "))
        let list = try shop.run("order", "list").output.split(separator: "\n")
        #expect(list.count { $0.contains(" confirmed ") } == 1 && list.count { $0.contains(" rejected ") } >= 2)
    }
}
