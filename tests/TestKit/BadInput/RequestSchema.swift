import HTTPPath
import HTTPTypes
import ServiceKit

/// What a service's OpenAPI document says about one route's request.
struct RequestSchema: Sendable {
    private let document: JSON
    private let operation: JSON
    private let pathItem: JSON

    /// nil where the document does not describe the route.
    init?(_ document: JSON, _ key: RouteKey) {
        guard let pathItem = document["paths"]?[key.path], let operation = pathItem[key.method.rawValue.lowercased()] else { return nil }
        self.document = document
        self.operation = operation
        self.pathItem = pathItem
    }

    /// Every route that a document describes.
    static func routes(of document: JSON) -> Set<String> {
        var routes: Set<String> = []
        for path in document["paths"]?.members ?? [] {
            for operation in path.value.members ?? [] where ["get", "put", "post", "patch", "delete", "head", "options"].contains(operation.name) {
                routes.insert("\(operation.name.uppercased()) \(path.name)")
            }
        }
        return routes
    }

    /// The query parameters, and whether each is an enumeration.
    var query: [(name: String, isEnum: Bool)] {
        let all = (pathItem["parameters"]?.array ?? []) + (operation["parameters"]?.array ?? [])
        return all.map(resolve).filter { $0["in"]?.string == "query" }.map { parameter in
            (parameter["name"]?.string ?? "", parameter["schema"].map { flatten($0).isEnum } ?? false)
        }
    }

    /// What the document knows about one value of an example.
    struct Node {
        var isRequired: Bool
        var isEnum: Bool
        var minimum: Int64?
        var maximum: Int64?
    }

    /// What the document says about the values of an example body, by pointer; nil where it describes no JSON body.
    func body(_ example: JSON) -> (nodes: [String: Node], missing: [String])? {
        guard let schema = operation["requestBody"].map(resolve)?["content"]?["application/json"]?["schema"] else { return nil }
        var nodes: [String: Node] = [:]
        var missing: [String] = []
        walk(example, schema, "", isRequired: true, &nodes, &missing)
        return (nodes, missing)
    }

    private func walk(_ value: JSON, _ schema: JSON, _ pointer: String, isRequired: Bool, _ nodes: inout [String: Node], _ missing: inout [String]) {
        let flat = flatten(schema)
        nodes[pointer] = Node(isRequired: isRequired, isEnum: flat.isEnum, minimum: flat.minimum, maximum: flat.maximum)
        switch value {
        case .object(let members):
            for member in members {
                guard let property = flat.properties[member.name] else { continue }
                walk(
                    member.value, property, "\(pointer)/\(JSON.escaped(member.name))", isRequired: flat.required.contains(member.name), &nodes,
                    &missing)
            }
            // Alternatives exclude each other: no example can hold the fields of all.
            guard !flat.hasAlternatives else { return }
            for name in flat.properties.keys.sorted() where value[name] == nil { missing.append("\(pointer)/\(JSON.escaped(name))") }
        case .array(let items):
            if let first = items.first, let schema = flat.items { walk(first, schema, "\(pointer)/0", isRequired: true, &nodes, &missing) }
        default: break
        }
    }

    fileprivate struct Flat {
        var properties: [String: JSON] = [:]
        var required: Set<String> = []
        var items: JSON?
        var isEnum = false
        var minimum: Int64?
        var maximum: Int64?
        var hasAlternatives = false

        mutating func merge(_ other: Self, requiring isRequired: Bool) {
            properties.merge(other.properties) { mine, _ in mine }
            if isRequired { required.formUnion(other.required) }
            items = items ?? other.items
            isEnum = isEnum || other.isEnum
            minimum = minimum ?? other.minimum
            maximum = maximum ?? other.maximum
            hasAlternatives = hasAlternatives || other.hasAlternatives
        }
    }

    private func flatten(_ schema: JSON, depth: Int = 0) -> Flat {
        let schema = resolve(schema)
        var flat = Flat()
        for member in schema["properties"]?.members ?? [] { flat.properties[member.name] = member.value }
        flat.required = Set((schema["required"]?.array ?? []).compactMap(\.string))
        flat.items = schema["items"]
        flat.isEnum = schema["enum"] != nil || schema["const"] != nil
        flat.minimum = schema["minimum"]?.integer
        flat.maximum = schema["maximum"]?.integer
        // References may go round in circles.
        guard depth < 20 else { return flat }
        for part in schema["allOf"]?.array ?? [] { flat.merge(flatten(part, depth: depth + 1), requiring: true) }
        for name in ["oneOf", "anyOf"] {
            for part in schema[name]?.array ?? [] {
                flat.merge(flatten(part, depth: depth + 1), requiring: false)
                flat.hasAlternatives = true
            }
        }
        return flat
    }

    /// Follows references within the document.
    private func resolve(_ value: JSON) -> JSON {
        var value = value
        for _ in 0..<10 {
            guard let reference = value["$ref"]?.string, reference.hasPrefix("#/") else { return value }
            value = reference.dropFirst(2).split(separator: "/").reduce(document) { $0[String($1)] ?? .null }
        }
        return value
    }
}
