import ArgumentParser
internal import ServiceKit

@main
struct HelloDD: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hello-dd",
        abstract: "Runs the hello-dd shop on this machine and talks to it.",
        discussion: """
            The shop is three services: inventory-service (what there is), pricing-service (what it costs) and api-gateway \
            (the one address that users talk to); beside them stands the console, which shows their traces. `up` starts them, keeps them running and shows their logs.

            EXAMPLES:
              hello-dd up                  start the shop here; Ctrl-C stops it
              hello-dd up --detach         start it in the background
              hello-dd status              what runs, on which port, since when
              hello-dd logs -f gateway     follow one service's log
              hello-dd demo                a tour of everything it does
              hello-dd order LAPTOP-001    buy something
              hello-dd trace --last        what happened inside while it did
              hello-dd down                stop it
              hello-dd up --with-servers   on PostgreSQL, with a server of its own
              hello-dd doctor              something is wrong? ask it

            Everything the shop writes is below one folder, `.hello-dd/` in the current directory; `--data DIR` names another. \
            Deleting it (when the shop is down) is a fresh start.
            """,
        version: BuildInfo.version,
        groupedSubcommands: [
            CommandGroup(name: "Running the shop", subcommands: [Up.self, Down.self, Status.self, Logs.self, Health.self, Psql.self, Doctor.self]),
            CommandGroup(name: "Using the shop", subcommands: [Demo.self, Order.self, Import.self, Load.self, Fault.self, Token.self, Keys.self]),
            CommandGroup(name: "Watching the shop", subcommands: [Trace.self, ObservabilityCommand.self]),
        ]
    )
}
