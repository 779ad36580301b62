import Logging
import Telemetry
import Testing

@Suite struct PrettyLogHandlerTests {
    let sink = RecordingSink()

    @Test("a line has the time, the level, the logger, the message and the metadata by name")
    func line() {
        prettyLogger(sink).info("accepted", metadata: ["quantity": .stringConvertible(2), "item": ["id": "o-1"], "reason": "not now", "none": ""])
        #expect(sink.lines == ["12:03:04.567 INFO  queue  accepted item.id=o-1 none=\"\" quantity=2 reason=\"not now\"\n"])
    }

    @Test("the levels are aligned, and coloured if asked")
    func levels() {
        for level in Logger.Level.allCases { prettyLogger(sink).log(level: level, "m") }
        prettyLogger(sink, colored: true).error("m", metadata: ["k": "v"])
        #expect(
            sink.lines.map { String($0.dropFirst(13).dropLast()) } == [
                "TRACE queue  m", "DEBUG queue  m", "INFO  queue  m", "NOTE  queue  m", "WARN  queue  m", "ERROR queue  m", "CRIT  queue  m",
                "\u{1B}[31mERROR\u{1B}[0m queue  m \u{1B}[2mk=\u{1B}[0mv",
            ])
    }

    @Test("text from outside can neither forge a line nor command the terminal")
    func controls() throws {
        prettyLogger(sink).info("a\nb\u{1B}[2J", metadata: ["k\n": "x\u{9B}31m", "quoted": "say \"hi\"\r"])
        let line = try #require(sink.lines.first)
        #expect(line.hasSuffix(#"queue  a\nb\u001b[2J k\n=x\u009b31m quoted="say \"hi\"\r""# + "\n"))
        #expect(line.unicodeScalars.filter { $0.properties.generalCategory == .control } == ["\n"])
    }
}
