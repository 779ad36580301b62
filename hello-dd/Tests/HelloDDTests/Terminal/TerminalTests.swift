import Testing

@testable import HelloDD

struct TerminalTests {
    @Test("changing lines are erased, passing lines printed, and the changing ones drawn again below")
    func redraw() {
        #expect(Terminal.text(erasing: 2, lines: ["log"], live: ["a", "b"]) == "\u{1B}[2A\r\u{1B}[Jlog\na\nb\n")
        #expect(Terminal.text(erasing: 0, lines: ["log"], live: []) == "log\n")
    }

    @Test(
        "durations read as people say them",
        arguments: [
            (Duration.milliseconds(7), "0.00 s"), (.milliseconds(214), "0.21 s"), (.seconds(3), "3 s"), (.milliseconds(9990), "9.99 s"),
            (.seconds(45), "45 s"),
            (.seconds(192), "3 min 12 s"), (.seconds(7500), "2 h 5 min"), (.seconds(90_000), "1 d 1 h"),
        ])
    func durations(duration: Duration, text: String) {
        #expect(duration.forPeople == text)
    }

    @Test(
        "sizes read as people say them",
        arguments: [
            (Int64(0), "0 B"), (999, "999 B"), (1000, "1.0 kB"), (24_170_000, "24.1 MB"), (81_200_000_000, "81.2 GB"), (2_500_000_000_000, "2.5 TB"),
        ])
    func sizes(bytes: Int64, text: String) {
        #expect(bytesForPeople(bytes) == text)
    }

    @Test("fixed decimals", arguments: [(Int64(1234), 2, "12.34"), (5, 2, "0.05"), (-5, 1, "-0.5"), (7, 0, "7")])
    func fixedDecimals(value: Int64, decimals: Int, text: String) {
        #expect(fixed(value, decimals: decimals) == text)
    }

    @Test("a table's columns are as wide as their widest cell")
    func table() {
        var table = Table(header: ["NAME", "PORT", "STATE"], rightAligned: [1])
        table.rows = [["a", "80", "ready"], ["longer", "8000", "no"]]
        #expect(table.lines() == ["NAME    PORT  STATE", "a         80  ready", "longer  8000  no"])
    }

    @Test("each state of a starting service has its line")
    func progress() {
        let lines = UpConsole.lines(
            [
                .init(service: .inventory, state: .ready, elapsed: .milliseconds(210)),
                .init(service: .pricing, state: .starting, elapsed: .milliseconds(300)),
                .init(service: .gateway, state: .waiting, elapsed: nil),
            ], style: .plain)
        #expect(
            lines == [
                "inventory-service ✓ ready in 0.21 s", "pricing-service   … starting, 0.30 s",
                "api-gateway       · waiting for inventory and pricing",
            ])
    }

    @Test("what a process in the background reports is what is shown")
    func report() {
        #expect(Report.encode(.note(lines: ["a", ""])) == "na\nn\n")
        #expect(Report.encode(.up(lines: ["b"])) == "nb\nu\n")
        #expect(Report.decode("na") == .note(lines: ["a"]))
        #expect(Report.decode("n") == .note(lines: [""]))
        #expect(Report.decode("pno") == .problem(lines: ["no"]))
        #expect(Report.decode("u") == .up(lines: []))
        #expect(Report.decode("?") == nil)
        #expect(Report.decode("") == nil)
    }
}
