import ArgumentParser
internal import ServiceKit

/// Changing the keys that sign tokens, while the shop runs.
struct Keys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show and change the keys that sign tokens.",
        discussion: """
            There are two pairs: `users` signs the tokens of shoppers and operators, `services` those that the gateway shows to the services \
            behind it. Either can be changed while the shop runs, and no request is refused for it: `rotate` makes a new key known beside the \
            old one, waits until every service may have read it, and lets it sign; the old one's tokens go on being accepted until `retire`.

            EXAMPLES:
              hello-dd keys list
              hello-dd keys rotate services
              hello-dd keys retire services     ten minutes later, when the last token of the old key has expired
            """,
        subcommands: [List.self, Rotate.self, Retire.self]
    )

    enum Pair: String, CaseIterable, ExpressibleByArgument {
        case users, services

        var keys: LocalKeys.Pair { self == .users ? .users : .services }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the keys that are accepted, and which of them sign.")

        @OptionGroup var data: DataOptions

        func run() async throws {
            try await reporting {
                for pair in Pair.allCases {
                    for entry in try LocalKeys(folder: data.folder.keys).entries(pair.keys) {
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

        @Argument(help: "users or services.")
        var pair: Pair

        @Option(
            help: ArgumentHelp(
                "How long between making the new key known and signing with it. A service looks at the files at most once a second.",
                valueName: "time"))
        var wait = Lifetime(duration: .seconds(3))

        @OptionGroup var data: DataOptions

        func run() async throws {
            try await reporting {
                let keys = LocalKeys(folder: data.folder.keys)
                let id = try keys.publishNext(pair.keys)
                print("\(id) is known from now on")
                try await Task.sleep(for: wait.duration)
                try keys.signWithNext(pair.keys)
                print(
                    "\(id) signs from now on; when the old key's tokens have expired: \(Environment.command) keys retire \(pair.rawValue)\(data.folder.option)"
                )
            }
        }
    }

    struct Retire: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Accept only the key that signs.",
            discussion:
                "A service's token holds for ten minutes, a user's for as long as it was made for: those of an old key are refused from then on.")

        @Argument(help: "users or services.")
        var pair: Pair

        @OptionGroup var data: DataOptions

        func run() async throws {
            try await reporting {
                let retired = try LocalKeys(folder: data.folder.keys).retireOthers(pair.keys)
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
