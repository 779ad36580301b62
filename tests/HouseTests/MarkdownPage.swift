/// A Markdown page as these checks read it: its links, its headings, and the commands it tells a reader to type.
struct MarkdownPage {
    let path: String
    /// Targets of inline links and images outside code, with their line (from 1).
    private(set) var links: [(line: Int, target: String)] = []
    /// The anchors its headings make, as GitHub derives them.
    private(set) var anchors: Set<String> = []
    /// Lines of fenced blocks marked sh, bash, shell or console, and of code spans: what a reader may type.
    private(set) var commands: [(line: Int, text: String)] = []

    init(path: String, text: String) {
        self.path = path
        var fence: (marker: String, isShell: Bool)?
        for (offset, lineText) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = offset + 1
            let trimmed = lineText.drop { $0 == " " }
            if let open = fence {
                if trimmed.hasPrefix(open.marker) {
                    fence = nil
                } else if open.isShell {
                    commands.append((line, String(trimmed)))
                }
                continue
            }
            if let marker = ["```", "~~~"].first(where: { trimmed.hasPrefix($0) }) {
                let language = trimmed.dropFirst(3).prefix { !$0.isWhitespace }
                fence = (marker, ["sh", "bash", "shell", "console"].contains(language))
                continue
            }
            if let heading = trimmed.wholeMatch(of: /#{1,6}\s+(.*)/) { anchors.insert(Self.anchor(String(heading.output.1))) }
            commands += trimmed.matches(of: /`([^`]+)`/).map { (line, String($0.output.1)) }
            links += String(trimmed).replacing(/`[^`]*`/, with: "").matches(of: /\]\(([^()\s]+)(?:\s+"[^"]*")?\)/).map { (line, String($0.output.1)) }
        }
    }

    static func anchor(_ heading: String) -> String {
        String(heading.lowercased().compactMap { $0 == " " ? "-" : $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" ? $0 : nil })
    }

    /// Links into the repository that lead nowhere. `page` gives the page at a path, `exists` says whether a file or folder is there.
    func brokenLinks(page: (String) -> MarkdownPage?, exists: (String) -> Bool) -> [Violation] {
        links.compactMap { line, target in
            guard target.firstMatch(of: /^[a-z][a-z0-9+.-]*:/) == nil else { return nil }
            let parts = target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let destination = parts[0].isEmpty ? path : Self.resolve(parts[0], from: path)
            guard exists(destination) else { return Violation(path: path, line: line, message: "link to '\(target)', which is not there") }
            guard parts.count == 2, let linked = destination == path ? self : page(destination) else { return nil }
            return linked.anchors.contains(parts[1]) ? nil : Violation(path: path, line: line, message: "link to '\(target)': no such heading")
        }
    }

    /// Commands that do not exist: a `make` target that the Makefile lacks, a subcommand that hello-dd lacks.
    func unknownCommands(makeTargets: Set<String>, subcommands: Set<String>) -> [Violation] {
        commands.flatMap { line, text -> [Violation] in
            let make = text.matches(of: /(?:^|[\s;&|(])make((?:\s+[\w-]+)+)(?=\s|$|[;&|)])/).flatMap { $0.output.1.split(separator: " ") }
                .filter { !$0.hasPrefix("-") && !makeTargets.contains(String($0)) }
                .map { Violation(path: path, line: line, message: "make \($0): no such target") }
            // A namespace of Kubernetes has the same name.
            let commandLine = text.replacing("-n hello-dd", with: "-n").matches(of: /(?:^|[\s;&|(\/])hello-dd\s+([a-z][a-z-]*)(?=\s|$|[;&|)])/).map(
                \.output.1
            )
            .filter { !subcommands.contains(String($0)) }
            .map { Violation(path: path, line: line, message: "hello-dd \($0): no such subcommand") }
            return make + commandLine
        }
    }

    private static func resolve(_ target: String, from path: String) -> String {
        var parts = target.hasPrefix("/") ? [] : path.split(separator: "/").dropLast().map(String.init)
        for part in target.split(separator: "/") {
            switch part {
            case ".": continue
            case "..": _ = parts.popLast()
            default: parts.append(String(part))
            }
        }
        return parts.joined(separator: "/")
    }
}
