/// Colours for a terminal (ECMA-48 SGR), or none.
struct Style: Hashable, Sendable {
    var isOn: Bool

    static let plain = Style(isOn: false)

    enum Tone: Sendable { case normal, strong, quiet, good, warning, bad }

    func paint(_ text: String, _ tone: Tone) -> String {
        switch tone {
        case .normal: text
        case .strong: wrap(text, "1")
        case .quiet: wrap(text, "2")
        case .good: wrap(text, "32")
        case .warning: wrap(text, "33")
        case .bad: wrap(text, "31")
        }
    }

    /// Each service has a colour of its own, none of them one that means good or bad.
    func name(_ service: Service) -> String {
        let padded = service.name + String(repeating: " ", count: Service.nameWidth - service.name.utf8.count)
        return switch service {
        case .inventory: wrap(padded, "36")
        case .pricing: wrap(padded, "35")
        case .gateway: wrap(padded, "34")
        case .console: wrap(padded, "37")
        }
    }

    /// As `name(_:)` colours it, without its padding; one that is none of the shop's gets one of the colours that are left.
    func service(_ name: String, as text: String, index: Int) -> String {
        switch Service(rawValue: name) {
        case .inventory: wrap(text, "36")
        case .pricing: wrap(text, "35")
        case .gateway: wrap(text, "34")
        case .console: wrap(text, "37")
        case nil: wrap(text, ["96", "95", "94"][index % 3])
        }
    }

    /// A server of the shop's own.
    enum ServerName: String { case postgres = "postgresql", redis }

    /// One of those, in the services' column.
    func server(_ server: ServerName) -> String {
        let name = server.rawValue
        return wrap(name + String(repeating: " ", count: Service.nameWidth - name.utf8.count), "33")
    }

    private func wrap(_ text: String, _ code: String) -> String { isOn ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text }
}
