import HTTPPath
import HTTPTypes
import Hummingbird
import NIOCore
import ServiceKit

/// The page: plain HTML, CSS and modules, embedded in the binary.
struct PageRoutes: Sendable {
    let guardian: HostCheck

    /// Scripts and styles come from files of this address and from nowhere else; there is nothing inline, nothing is sent anywhere, and
    /// no text ever becomes markup: `require-trusted-types-for` makes the browser refuse that, should a line of ours ever try.
    static let policy = [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'", "base-uri 'none'",
        "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
    ].joined(separator: "; ")

    struct Asset: Sendable {
        let name: String
        let type: String
        let bytes: [UInt8]
    }

    static let assets = [
        Asset(name: "app.js", type: "text/javascript; charset=utf-8", bytes: PackageResources.app_js),
        Asset(name: "dom.js", type: "text/javascript; charset=utf-8", bytes: PackageResources.dom_js),
        Asset(name: "format.js", type: "text/javascript; charset=utf-8", bytes: PackageResources.format_js),
        Asset(name: "list.js", type: "text/javascript; charset=utf-8", bytes: PackageResources.list_js),
        Asset(name: "waterfall.js", type: "text/javascript; charset=utf-8", bytes: PackageResources.waterfall_js),
        Asset(name: "style.css", type: "text/css; charset=utf-8", bytes: PackageResources.style_css),
        Asset(name: "icon.svg", type: "image/svg+xml", bytes: PackageResources.icon_svg),
    ]

    func add(to routes: Routes) {
        let page = ByteBuffer(bytes: PackageResources.index_html)
        let files = Dictionary(uniqueKeysWithValues: Self.assets.map { ($0.name, (type: $0.type, bytes: ByteBuffer(bytes: $0.bytes))) })
        routes.on("GET /") { request, _ in
            try guardian.check(request)
            try request.noQuery()
            return .bytes(page, type: "text/html; charset=utf-8", headers: Self.headers)
        }
        routes.on("GET /assets/{name}") { request, context in
            try guardian.check(request)
            try request.noQuery()
            let name = try context.path("name")
            guard let file = files[name] else { throw Problem.notFound("asset") }
            return .bytes(file.bytes, type: file.type, headers: Self.headers)
        }
    }

    private static let headers: HTTPFields = [
        .contentSecurityPolicy: policy, .cacheControl: "no-cache", .referrerPolicy: "no-referrer", .crossOriginResourcePolicy: "same-origin",
    ]
}

extension HTTPField.Name {
    static let referrerPolicy = HTTPField.Name("Referrer-Policy")!
    static let crossOriginResourcePolicy = HTTPField.Name("Cross-Origin-Resource-Policy")!
}
