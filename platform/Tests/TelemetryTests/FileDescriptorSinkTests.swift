import Foundation
import Logging
import Telemetry
import Testing

@Suite struct FileDescriptorSinkTests {
    @Test("lines of several threads never mix, those longer than a pipe's atomic write included", .timeLimit(.minutes(1)))
    func wholeLines() async throws {
        let pipe = Pipe()
        #if os(Linux)
        // One page: every line then fills the pipe half-way through, where another thread's could come between. 1031 is F_SETPIPE_SZ.
        try #require(fcntl(pipe.fileHandleForWriting.fileDescriptor, 1031, 4096) == 4096)
        #endif
        let sink = FileDescriptorSink(pipe.fileHandleForWriting.fileDescriptor)
        let (writers, lines) = (4, 150)
        // Threads of their own: both ends of a pipe block.
        let received = readAll(pipe.fileHandleForReading)
        await withTaskGroup { group in
            for writer in 0..<writers {
                group.addTask {
                    await onThread {
                        let logger = Logger(label: "w\(writer)") { JSONLogHandler(label: $0, resource: resource, sink: sink) }
                        let filling = String(repeating: "\(writer)", count: 7000)
                        for number in 0..<lines { logger.info("\(filling)", metadata: ["number": .stringConvertible(number)]) }
                    }
                }
            }
        }
        try pipe.fileHandleForWriting.close()
        var next = Array(repeating: 0, count: writers)
        let whole = await received.value.split(separator: UInt8(ascii: "\n"))
        #expect(whole.count == writers * lines)
        for line in whole {
            let object = try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
            let message = try #require(object["message"] as? String)
            let writer = try #require(message.first.flatMap { Int(String($0)) })
            #expect(message == String(repeating: "\(writer)", count: 7000))
            #expect(object["number"] as? Int == next[writer])
            next[writer] += 1
        }
    }

    @Test("a full pipe that does not block costs lines, which are counted, and the next line stands by itself")
    func fullPipe() throws {
        let pipe = Pipe()
        let descriptor = pipe.fileHandleForWriting.fileDescriptor
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        let sink = FileDescriptorSink(descriptor, patience: .zero)
        let line = Array(String(repeating: "x", count: 9999).utf8) + [UInt8(ascii: "\n")]
        var written = 0
        while sink.droppedLines == 0, written < 10_000 {
            sink.write(line)
            written += 1
        }
        #expect(sink.droppedLines == 1)
        sink.write(line)
        #expect(sink.droppedLines == 2)

        _ = pipe.fileHandleForReading.availableData
        sink.write(Array("after\n".utf8))
        try pipe.fileHandleForWriting.close()
        let rest = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        #expect(rest.hasSuffix("\nafter\n"))
        #expect(sink.droppedLines == 2)
    }
}

private func readAll(_ handle: FileHandle) -> Task<Data, Never> {
    Task { await onThread { handle.readDataToEndOfFile() } }
}

private func onThread<T: Sendable>(_ body: @escaping @Sendable () -> T) async -> T {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: body()) }
    }
}
