import Basics
import Foundation
import Testing

@testable import HelloDD

struct LogFileTests {
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = try Files.makeTemporaryFolder()
        defer { Files.removeTree(folder) }
        try body(folder)
    }

    private func text(_ lines: [[UInt8]]) -> [String] { lines.map { String(decoding: $0, as: UTF8.self) } }

    @Test("a log takes twice its limit at most, and keeps the newest lines")
    func rotates() throws {
        try withFolder { folder in
            let path = "\(folder)/a.log"
            var log = try LogFile(path: path, limit: 100)
            for number in 0..<100 { log.append(Array("line \(number)".utf8)) }
            let sizes = [path, path + ".1"].compactMap { Files.info($0)?.size }
            #expect(sizes.count == 2 && sizes.allSatisfy { $0 <= 100 })
            #expect(Files.list(folder).count == 2)
            var tail = LogTail(path: path)
            #expect(text(tail.last(3)) == ["line 97", "line 98", "line 99"])
        }
    }

    @Test("a line longer than the limit is still written")
    func longLine() throws {
        try withFolder { folder in
            var log = try LogFile(path: "\(folder)/a.log", limit: 10)
            log.append([UInt8](repeating: 65, count: 50))
            #expect(Files.info("\(folder)/a.log")?.size == 51)
        }
    }

    @Test("a log goes on after a restart of the supervisor")
    func appends() throws {
        try withFolder { folder in
            let path = "\(folder)/a.log"
            for line in ["one", "two"] {
                var log = try LogFile(path: path, limit: 100)
                log.append(Array(line.utf8))
            }
            #expect(Files.read(path, limit: 100) == "one\ntwo\n")
        }
    }

    @Test("following a log misses nothing when it is rotated, and repeats nothing")
    func follows() throws {
        try withFolder { folder in
            let path = "\(folder)/a.log"
            var log = try LogFile(path: path, limit: 100)
            log.append(Array("before".utf8))
            var tail = LogTail(path: path)
            #expect(text(tail.last(10)) == ["before"])
            #expect(tail.next() == [])
            var seen: [String] = []
            for number in 0..<40 {
                log.append(Array("line \(number)".utf8))
                if number % 4 == 0 { seen += text(tail.next()) }
            }
            seen += text(tail.next())
            #expect(seen == (0..<40).map { "line \($0)" })
        }
    }

    @Test("the last lines come from the file before, where this one is short")
    func lastAcrossRotation() throws {
        try withFolder { folder in
            try Data("1\n2\n3\n".utf8).write(to: URL(filePath: "\(folder)/a.log.1"))
            try Data("4\n5\n".utf8).write(to: URL(filePath: "\(folder)/a.log"))
            var tail = LogTail(path: "\(folder)/a.log")
            #expect(text(tail.last(4)) == ["2", "3", "4", "5"])
        }
    }

    @Test("a log that is not there yet is empty, and is followed once it is")
    func appears() throws {
        try withFolder { folder in
            let path = "\(folder)/a.log"
            var tail = LogTail(path: path)
            #expect(tail.last(5) == [])
            var log = try LogFile(path: path)
            log.append(Array("first".utf8))
            #expect(text(tail.next()) == ["first"])
        }
    }

    @Test("a service's last twenty lines are to hand, those of an earlier start are not")
    func lastLines() throws {
        try withFolder { folder in
            let log = try ServiceLog(path: "\(folder)/a.log") { _ in }
            log.append(Array((0..<30).map { "\($0)\n" }.joined().utf8)[...])
            log.append(Array("unfinished".utf8)[...])
            log.finish()
            #expect(text(log.lastLines(50)) == (11..<30).map(String.init) + ["unfinished"])
            log.beginStart()
            #expect(log.lastLines(20) == [])
        }
    }

    @Test("lines of several services are brought into the order of their times; a stack trace stays with its line")
    func merges() {
        let merged = LogOrder.merged([
            excerpt(.inventory, "2026-11-24T06:00:01Z a", "  trace", "2026-11-24T06:00:03Z c"),
            excerpt(.gateway, #"{"level":"info","time":"2026-11-24T06:00:02.5Z"}"#, "2026-11-24T06:00:04Z d"),
        ])
        #expect(
            text(merged.map(\.1)) == [
                "2026-11-24T06:00:01Z a", "  trace", #"{"level":"info","time":"2026-11-24T06:00:02.5Z"}"#, "2026-11-24T06:00:03Z c",
                "2026-11-24T06:00:04Z d",
            ])
    }

    @Test("lines that name the time of day only are ordered across midnight")
    func timesOfDay() {
        let merged = LogOrder.merged([
            excerpt(.inventory, "23:59:58.000 INFO a", "00:00:01.000 INFO c", "00:00:05.000 INFO e"),
            excerpt(.gateway, "23:59:59.500 INFO b", "  more of b", "00:00:03.000 INFO d"),
        ])
        #expect(text(merged.map(\.1)).map { $0.suffix(1) } == ["a", "b", "b", "c", "d", "e"])
    }

    private func excerpt(_ service: Service, _ lines: String...) -> LogOrder.Excerpt {
        LogOrder.Excerpt(
            service: service, lines: lines.map { Array($0.utf8) }, lastWritten: Timestamp("2026-11-24T00:00:06Z") ?? .init(microseconds: 0))
    }
}
