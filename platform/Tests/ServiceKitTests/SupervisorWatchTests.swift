import Testing

@testable import ServiceKit

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// What a service does with the pipe that its supervisor holds.
struct SupervisorWatchTests {
    @Test("when the last writing end of the pipe is closed, the service is told, and not before")
    func end() async throws {
        var ends: [CInt] = [0, 0]
        try #require(pipe(&ends) == 0)
        // As after a fork: a second holder.
        let copy = dup(ends[1])
        let (told, continuation) = AsyncStream.makeStream(of: Void.self)
        try await onEnd(ofPipe: ends[0]) { continuation.yield() }
        close(ends[1])
        continuation.yield()
        var iterator = told.makeAsyncIterator()
        // Only this test's own: the pipe still has a holder.
        await iterator.next()
        close(copy)
        #expect(await iterator.next() != nil)
    }

    @Test("a descriptor that is no pipe is a configuration error that names the variable")
    func noPipe() async throws {
        let file = open("/etc/passwd", O_RDONLY)
        let error = await #expect(throws: ConfigurationError.self) { try await onEnd(ofPipe: file) {} }
        #expect(error?.description.contains("SUPERVISOR_FD") == true)
    }
}
