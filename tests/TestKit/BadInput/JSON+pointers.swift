import HTTPPath

extension JSON {
    /// Every value below the root with its JSON Pointer; of an array, the first element stands for all.
    var nodes: [(pointer: String, value: JSON)] { nodes(below: "") }

    private func nodes(below pointer: String) -> [(pointer: String, value: JSON)] {
        switch self {
        case .object(let members):
            members.flatMap { member in
                let here = "\(pointer)/\(Self.escaped(member.name))"
                return [(here, member.value)] + member.value.nodes(below: here)
            }
        case .array(let items):
            items.first.map { first in [("\(pointer)/0", first)] + first.nodes(below: "\(pointer)/0") } ?? []
        default: []
        }
    }

    /// The value with the part at `pointer` replaced, or (nil) removed.
    func replacing(_ pointer: String, with value: JSON?) -> JSON {
        let steps = pointer.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map {
            String($0).replacing("~1", with: "/").replacing("~0", with: "~")
        }
        return replacing(steps[...], with: value) ?? .null
    }

    private func replacing(_ steps: ArraySlice<String>, with value: JSON?) -> JSON? {
        guard let step = steps.first else { return value }
        let rest = steps.dropFirst()
        switch self {
        case .object(let members):
            return .object(
                members.compactMap { member in
                    member.name == step ? member.value.replacing(rest, with: value).map { Member(member.name, $0) } : member
                })
        case .array(let items):
            return .array(items.enumerated().compactMap { index, item in String(index) == step ? item.replacing(rest, with: value) : item })
        default: return self
        }
    }

    static func escaped(_ name: String) -> String { name.replacing("~", with: "~0").replacing("/", with: "~1") }
}
