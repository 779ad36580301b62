import HTTPPath
import NIOCore

/// A readable page made from the service's own OpenAPI document: every route with its parameters and answers, and every error code.
/// Plain HTML without a script, so that it works in a terminal's browser and under the strictest policy.
func docsPage(openAPI: [UInt8], service: String) -> ByteBuffer {
    guard let document = try? JSON.parse(openAPI, maxDepth: 64) else { return ByteBuffer(string: "<!doctype html><p>The document cannot be read.") }
    var html = """
        <!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        <title>\(escaped(service))</title><style>
        body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
        code{font:14px ui-monospace,monospace}h2 code{font-size:18px}section{border-top:1px solid #d8dee4;padding:.5rem 0}
        .m{display:inline-block;min-width:4.5rem;font-weight:700;color:#0550ae}table{border-collapse:collapse}td{padding:.1rem 1rem .1rem 0;vertical-align:top}
        @media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}section{border-color:#30363d}.m{color:#79c0ff}a{color:#79c0ff}}
        </style><h1>\(escaped(document["info"]?["title"]?.string ?? service))</h1>
        <p>\(escaped(document["info"]?["description"]?.string ?? ""))</p><p>As OpenAPI: <a href="/openapi.json">/openapi.json</a></p>
        """
    for path in document["paths"]?.members ?? [] {
        for operation in path.value.members ?? [] where ["get", "put", "post", "patch", "delete"].contains(operation.name) {
            html += "<section><h2><span class=\"m\">\(operation.name.uppercased())</span> <code>\(escaped(path.name))</code></h2>"
            html += "<p>\(escaped(operation.value["summary"]?.string ?? ""))</p>"
            if let text = operation.value["description"]?.string { html += "<p>\(escaped(text))</p>" }
            let parameters = (path.value["parameters"]?.array ?? []) + (operation.value["parameters"]?.array ?? [])
            let rows = parameters.map { resolve($0, document) }.map { parameter in
                row(parameter["name"]?.string ?? "", "\(parameter["in"]?.string ?? ""): \(parameter["description"]?.string ?? "")")
            }
            if !rows.isEmpty { html += "<table>\(rows.joined())</table>" }
            html += "<table>"
            for response in operation.value["responses"]?.members ?? [] {
                html += row(response.name, resolve(response.value, document)["description"]?.string ?? "")
            }
            html += "</table></section>"
        }
    }
    html += "<h2>Error codes</h2><table>"
    for code in document["x-error-codes"]?.members ?? [] {
        html += "<tr id=\"\(escaped(code.name))\"><td><code>\(escaped(code.name))</code><td>\(escaped(code.value.string ?? ""))</tr>"
    }
    return ByteBuffer(string: html + "</table></html>")
}

private func row(_ name: String, _ text: String) -> String { "<tr><td><code>\(escaped(name))</code><td>\(escaped(text))</tr>" }

/// Follows one `$ref` within the document.
private func resolve(_ value: JSON, _ document: JSON) -> JSON {
    guard let reference = value["$ref"]?.string, reference.hasPrefix("#/") else { return value }
    return reference.dropFirst(2).split(separator: "/").reduce(document) { $0[String($1)] ?? .null }
}

private func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;").replacing("\"", with: "&quot;")
}
