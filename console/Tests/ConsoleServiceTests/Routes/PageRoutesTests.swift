import HTTPPath
import TestKit
import Testing

@testable import ConsoleService

struct PageRoutesTests {
    private static var page: String { String(decoding: PackageResources.index_html, as: UTF8.self) }

    @Test("the page comes with a policy that lets nothing run but its own files")
    func policy() async throws {
        try await withConsole { service in
            let page = try await service.client.get("/").expect(200)
            #expect(page.header("Content-Type") == "text/html; charset=utf-8")
            let policy = try #require(page.header("Content-Security-Policy"))
            #expect(policy.hasPrefix("default-src 'none'; script-src 'self'; style-src 'self'"))
            #expect(!policy.contains("unsafe"))
            #expect(policy.contains("require-trusted-types-for 'script'"))
            #expect(page.header("X-Content-Type-Options") == "nosniff")
        }
    }

    @Test("every file that the page names is there, and no other")
    func assets() async throws {
        try await withConsole { service in
            for asset in PageRoutes.assets {
                let answer = try await service.client.get("/assets/\(asset.name)").expect(200)
                #expect(answer.body == asset.bytes)
                #expect(answer.header("Content-Type") == asset.type)
            }
            expectProblem(try await service.client.get("/assets/none.js"), 404, "asset_not_found")
        }
        var named = Set(Self.page.matches(of: /(?:src|href)="\/assets\/([^"]+)"/).map { String($0.output.1) })
        for asset in PageRoutes.assets where asset.name.hasSuffix(".js") {
            named.formUnion(String(decoding: asset.bytes, as: UTF8.self).matches(of: /from "\.\/([^"]+)"/).map { String($0.output.1) })
        }
        #expect(named == Set(PageRoutes.assets.map(\.name)))
    }

    @Test("nothing is inline: no script, no style, no handler, no address of elsewhere")
    func inline() {
        let page = Self.page
        #expect(page.matches(of: /<script(?![^>]*\ssrc=)/).isEmpty)
        #expect(page.matches(of: /<style|\sstyle=|\son[a-z]+=|javascript:/).isEmpty)
        for asset in PageRoutes.assets {
            let text = String(decoding: asset.bytes, as: UTF8.self).replacing("http://www.w3.org/", with: "")
            #expect(text.matches(of: /https?:\/\//).isEmpty, "\(asset.name)")
        }
    }

    @Test("no script makes markup of a text, or a program")
    func noMarkup() {
        let forbidden = [
            "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "DOMParser", "createContextualFragment",
        ]
        for asset in PageRoutes.assets where asset.name.hasSuffix(".js") {
            let text = String(decoding: asset.bytes, as: UTF8.self)
            for word in forbidden { #expect(!text.contains(word), "\(asset.name) has \(word)") }
        }
    }
}
