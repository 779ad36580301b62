import Testing

@testable import HelloDD

struct LineSplitterTests {
    private func text(_ lines: [[UInt8]]) -> [String] { lines.map { String(decoding: $0, as: UTF8.self) } }

    @Test("lines are the same however the stream was cut", arguments: 1...12)
    func anyCut(size: Int) {
        let stream = Array("one\ntwo\r\n\nvier äöü\n".utf8)
        var splitter = LineSplitter()
        var lines: [[UInt8]] = []
        for start in stride(from: 0, to: stream.count, by: size) { lines += splitter.append(stream[start..<min(start + size, stream.count)]) }
        #expect(text(lines) == ["one", "two", "", "vier äöü"])
        #expect(splitter.finish() == nil)
    }

    @Test("what has no line end is given out at the end of the stream")
    func rest() {
        var splitter = LineSplitter()
        #expect(splitter.append(Array("a\nb".utf8)).count == 1)
        #expect(splitter.finish() == Array("b".utf8))
    }

    @Test("a line longer than the limit comes in marked parts; one of just the limit does not")
    func longLine() {
        var splitter = LineSplitter(limit: 4)
        #expect(text(splitter.append(Array("abcdefghij\nabcd\n".utf8))) == ["abcd [line goes on]", "efgh [line goes on]", "ij", "abcd"])
    }

    @Test("a part does not end within a character")
    func wholeCharacters() {
        var splitter = LineSplitter(limit: 4)
        let lines = text(splitter.append(Array("abc€€\n".utf8)))
        #expect(lines == ["abc [line goes on]", "€ [line goes on]", "€"])
    }

    @Test("bytes that are no text are still bounded", arguments: [UInt8(0x80), 0xE2, 0xF0, 0xFF])
    func invalidText(byte: UInt8) {
        var splitter = LineSplitter(limit: 8)
        let lines = splitter.append([UInt8](repeating: byte, count: 100))
        #expect(lines.allSatisfy { $0.count <= 8 + LineSplitter.mark.count && $0.count > LineSplitter.mark.count })
        #expect(lines.reduce(0) { $0 + $1.count - LineSplitter.mark.count } + (splitter.finish()?.count ?? 0) == 100)
    }

    @Test("control characters cannot reach the terminal; colours can, if wanted")
    func terminalSafety() {
        let line = Array("a\u{1B}[2Jb\u{1B}[31mred\u{1B}[0m\tc\u{07}\u{7F}\u{9B}".utf8)
        #expect(line.forTerminal(colours: true) == "a^[[2Jb\u{1B}[31mred\u{1B}[0m\tc^G^?\u{FFFD}")
        #expect(line.forTerminal(colours: false) == "a^[[2Jbred\tc^G^?\u{FFFD}")
    }
}
