import ArgumentParser
internal import ServiceKit

/// Changing the keys that sign tokens, while the shop runs.
struct Keys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show and change the keys that sign tokens and quotes.",
        discussion: """
            There are two pairs: `users` signs the tokens of shoppers and operators, `services` those that the gateway shows to the services \
            behind it; and a secret one, `quotes`, which signs what pricing promises. Each can be changed while the shop runs, and no request is refused for it: `rotate` makes a new key known beside the \
            old one, waits until every service may have read it, and lets it sign; the old one's tokens go on being accepted until `retire`.

            EXAMPLES:
              hello-dd keys list
              hello-dd keys rotate services
              hello-dd keys retire services     ten minutes later, when the last token of the old key has expired
            """,
        subcommands: [List.self, Rotate.self, Retire.self]
    )

    enum Pair: String, CaseIterable, ExpressibleByArgument {
        case users, services, quotes
    }

    /// What one kind of key needs: pairs and secret keys are changed in the same three steps.
    private struct Ring {
        var entries: () throws -> [(id: String, signs: Bool)]
        var publishNext: () throws -> String
        var signWithNext: () throws -> Void
        var retireOthers: () throws -> [String]

        init(_ pair: Pair, in folder: String) {
            switch pair {
            case .users: self.init(.users, LocalKeys(folder: folder))
            case .services: self.init(.services, LocalKeys(folder: folder))
            case .quotes: self.init(SecretKeyFile(path: "\(folder)/quotes.key"))
            }
        }

        private init(_ file: SecretKeyFile) {
            entries = { try file.keys().enumerated().map { ($0.element.id, $0.offset == 0) } }
            publishNext = { try file.publishNext() }
            signWithNext = { try file.signWithNext() }
            retireOthers = { try file.retireOthers() }
        }

        private init(_ pair: LocalKeys.Pair, _ keys: LocalKeys) {
            entries = { try keys.entries(pair).map { ($0.id, $0.signs) } }
            publishNext = { try keys.publishNext(pair) }
            signWithNext = { try keys.signWithNext(pair) }
            retireOthers = { try keys.retireOthers(pair) }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the keys that are accepted, and which of them sign.")

        @OptionGroup var data: DataOptions

        func run() async throws {
            try await reporting {
                for pair in Pair.allCases {
                    for entry in try Ring(pair, in: data.folder.keys).entries() {
                        print("\(pair.rawValue)  \(entry.id)  \(entry.signs ? "signs, accepted" : "accepted")")
                    }
                }
            }
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a new key sign; the old one stays accepted.",
            discussion: """
                Where the keys are mounted into containers rather than read from one folder, the two steps are two changes of the mounted \
                secret: docs/security.md says which.
                """)

        @Argument(help: "users, services or quotes.")
        var pair: Pair

        @Option(
            help: ArgumentHelp(
                "How long between making the new key known and signing with it. A service looks at the files at most once a second.",
                valueName: "time"))
        var wait = Lifetime(duration: .seconds(3))

        @OptionGroup var data: DataOptions

        func run() async throws {
            try await reporting {
                let ring = Ring(pair, in: data.folder.keys)
                let id = try ring.publishNext()
                print("\(id) is known from now on")
                try await Task.sleep(for: wait.duration)
                try ring.signWithNext()
                print(
                    """
                    \(id) signs from now on; when \(pair == .quotes ? "the old key's quotes have ended" : "the old key's tokens have expired"): \
                    \(Environment.command) keys retire \(pair.rawValue)\(data.folder.option)
                    """
                )
            }
        }
    }

    struct Retire: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Accept only the key that signs.",
            discussion:
                "A service's token holds for ten minutes, a quote for a quarter of an hour, a user's token for as long as it was made for: those of an old key are refused from then on."
        )

        @Argument(help: "users, services or quotes.")
        var pair: Pair

        @OptionGroup var data: DataOptions

        func run() async throws {
            try await reporting {
                let retired = try Ring(pair, in: data.folder.keys).retireOthers()
                print(retired.isEmpty ? "there is no old key" : "accepted no more: \(retired.joined(separator: ", "))")
            }
        }
    }
}

/// What is wrong with the keys is one line, as every failure of a command is.
private func reporting(_ body: () async throws -> Void) async throws {
    do {
        try await body()
    } catch let error as ConfigurationError {
        throw CommandFailure(error.description)
    }
}
