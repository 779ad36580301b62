import NIOCore
import TestKit
import Testing

@testable import Redis

@Suite struct RESPDecoderTests {
    private func decode(_ text: String, _ limits: RESPDecoder.Limits = .init()) throws -> [RESPDecoder.Message] {
        var decoder = RESPDecoder(limits: limits)
        decoder.append(ByteBuffer(string: text))
        var messages: [RESPDecoder.Message] = []
        while let message = try decoder.next() { messages.append(message) }
        #expect(decoder.buffered == 0)
        return messages
    }

    static let examples: [(String, RESPValue)] = [
        ("+OK\r\n", .string("OK")),
        ("+\r\n", .string("")),
        (":0\r\n", .integer(0)),
        (":-9223372036854775808\r\n", .integer(.min)),
        (":+9223372036854775807\r\n", .integer(.max)),
        ("$5\r\nhe\r\no\r\n", .string("he\r\no")),
        ("$0\r\n\r\n", .string("")),
        ("$-1\r\n", .null),
        ("*-1\r\n", .null),
        ("_\r\n", .null),
        ("#t\r\n", .boolean(true)),
        ("#f\r\n", .boolean(false)),
        (",1.5e3\r\n", .double(1500)),
        (",-inf\r\n", .double(-.infinity)),
        ("(-123456789012345678901234567890\r\n", .bigNumber("-123456789012345678901234567890")),
        ("=8\r\ntxt:text\r\n", .string("text")),
        ("-WRONGTYPE no\r\n", .error(RedisServerError(line: "WRONGTYPE no"))),
        ("!8\r\nERR a\r\nb\r\n", .error(RedisServerError(line: "ERR a\r\nb"))),
        ("*0\r\n", .array([])),
        ("*2\r\n:1\r\n*1\r\n$1\r\na\r\n", .array([.integer(1), .array([.string("a")])])),
        ("~2\r\n:1\r\n:2\r\n", .set([.integer(1), .integer(2)])),
        ("%1\r\n+a\r\n%0\r\n", .map([.init(.string("a"), .map([]))])),
        ("|1\r\n+ttl\r\n:3\r\n*1\r\n|1\r\n+x\r\n+y\r\n:7\r\n", .array([.integer(7)])),
        ("|0\r\n:1\r\n", .integer(1)),
    ]

    @Test("each type of RESP3 is read, and what RESP2 has besides", arguments: examples)
    func types(text: String, value: RESPValue) throws {
        #expect(try decode(text) == [.reply(value)])
    }

    @Test("nothing depends on where the pieces are cut", arguments: examples)
    func pieces(text: String, value: RESPValue) throws {
        let twice = text + text
        for size in 1...4 {
            var decoder = RESPDecoder()
            var messages: [RESPDecoder.Message] = []
            var rest = Array(twice.utf8)[...]
            while !rest.isEmpty {
                decoder.append(ByteBuffer(bytes: rest.prefix(size)))
                rest = rest.dropFirst(size)
                while let message = try decoder.next() { messages.append(message) }
            }
            #expect(messages == [.reply(value), .reply(value)])
        }
    }

    @Test("a push is told apart from a reply")
    func push() throws {
        let messages = try decode("+a\r\n>2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n:1\r\n")
        #expect(messages == [.reply(.string("a")), .push([.string("invalidate"), .array([.string("k")])]), .reply(.integer(1))])
    }

    @Test(
        "what is no RESP3 is refused",
        arguments: [
            "x\r\n", "+a\n", "\r\n", "\n", "+a\rb\r\n", ":\r\n", ":1a\r\n", ":--1\r\n", ":9223372036854775808\r\n", ":-9223372036854775809\r\n",
            "#x\r\n",
            "#tt\r\n", "_x\r\n", ",\r\n", ",0x10\r\n", ",1.2.3\r\n", "(\r\n", "(1a\r\n", "$-2\r\n", "$1\r\nabc", "$x\r\n", "=3\r\nabc\r\n",
            "=4\r\nabcd\r\n",
            "!-1\r\n", "*-2\r\n", "%-1\r\n", ">0\r\n", "*1\r\n>1\r\n+a\r\n", "$?\r\n", "*?\r\n", "%99999999999999999999\r\n",
        ])
    func malformed(text: String) {
        #expect(throws: RESPError.self) { try decode(text) }
    }

    @Test("a reply is bounded in bytes, values, depth and length of lines, whatever it announces")
    func bounds() throws {
        let limits = RESPDecoder.Limits(bytes: 100, line: 20, values: 5, depth: 3)
        #expect(throws: RESPError.tooLarge) { try decode("$101\r\n", limits) }
        #expect(throws: RESPError.tooLarge) {
            try decode("*2\r\n$60\r\n\(String(repeating: "a", count: 60))\r\n$60\r\n\(String(repeating: "a", count: 60))\r\n", limits)
        }
        #expect(throws: RESPError.lineTooLong) { try decode("+\(String(repeating: "a", count: 20))", limits) }
        #expect(throws: RESPError.lineTooLong) { try decode("+\(String(repeating: "a", count: 20))\r\n", limits) }
        #expect(throws: RESPError.tooManyValues) { try decode("*6\r\n", limits) }
        #expect(throws: RESPError.tooManyValues) { try decode("*3\r\n*2\r\n:1\r\n:2\r\n:3\r\n:4\r\n", limits) }
        #expect(throws: RESPError.tooDeep) { try decode("*1\r\n*1\r\n*1\r\n*1\r\n", limits) }
        // Each reply has the whole bound for itself.
        #expect(try decode(String(repeating: "*4\r\n:1\r\n:2\r\n:3\r\n:4\r\n", count: 20), limits).count == 20)
    }

    @Test("bytes by chance, and valid replies with bytes changed, end in a reply, in an error or in waiting for more")
    func chance() {
        var generator = SplitMix64(seed: 20_260_101)
        let alphabet = Array("+-:$*%~>|_#,(=!0123456789tfa\r\n".utf8)
        for round in 0..<20_000 {
            var bytes: [UInt8]
            if round.isMultiple(of: 2) {
                bytes = (0..<Int.random(in: 1...60, using: &generator)).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
            } else {
                bytes = Array(Self.examples[round % Self.examples.count].0.utf8)
                for _ in 0..<Int.random(in: 1...3, using: &generator) {
                    bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
                }
            }
            var decoder = RESPDecoder(limits: .init(bytes: 1000, line: 100, values: 100, depth: 8))
            var whole = RESPDecoder(limits: .init(bytes: 1000, line: 100, values: 100, depth: 8))
            whole.append(ByteBuffer(bytes: bytes))
            let (atOnce, cut) = (
                outcome(&whole),
                bytes.map { byte -> [String] in
                    decoder.append(ByteBuffer(bytes: [byte]))
                    return outcome(&decoder)
                }
            )
            // Cut into bytes it means the same. An error is final, so only the first counts.
            let joined = Array(cut.joined())
            let end = joined.firstIndex { $0.hasPrefix("error") }.map { $0 + 1 } ?? joined.count
            #expect(joined.prefix(end).filter { !$0.hasPrefix("error") } == atOnce.filter { !$0.hasPrefix("error") })
        }
    }

    /// As text, because a double that is not a number is not equal to itself.
    private func outcome(_ decoder: inout RESPDecoder) -> [String] {
        var found: [String] = []
        do {
            while let message = try decoder.next() { found.append("\(message)") }
        } catch {
            found.append("error \(error)")
        }
        return found
    }
}
