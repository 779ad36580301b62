import ArgumentParser
internal import Basics

struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Take a tour of the shop: browse, quote, order, decline, cancel.",
        discussion: """
            Prints every request and every answer, says what is worth looking at, and stops with exit code 1 at the first surprise. The shop \
            must be up. The tour brings a product of its own and takes it away again, so it can be taken any number of times.

            EXAMPLES:
              hello-dd up --detach && hello-dd demo
              hello-dd demo --brief          without the bodies
            """
    )

    @Flag(help: "Leave the bodies out.")
    var brief = false

    @OptionGroup var shop: ShopOptions
    @OptionGroup var colour: ColourOptions

    func run() async throws {
        let style = colour.style()
        try await shop.withShop { shop in
            let guide = Guide(shop: shop, style: style, isBrief: brief) { print($0) }
            do {
                try await Tour(guide: guide, sources: .system).take()
            } catch let surprise as Surprise {
                print(style.paint("\n✗ a surprise: \(surprise)", .bad))
                throw ExitCode.failure
            }
        }
    }
}
