import Testing

@testable import Orders

@Suite("something that ends once")
struct CompletionTests {
    @Test("everybody who waits is told, and who comes later need not wait")
    func finish() async {
        let completion = Completion()
        await withTaskGroup { group in
            for _ in 1...10 { group.addTask { await completion.wait() } }
            completion.finish()
        }
        await completion.wait()
    }

    @Test("who gives up stops waiting, and nobody else")
    func giveUp() async {
        let completion = Completion()
        let patient = Task { await completion.wait() }
        let impatient = Task { await completion.wait() }
        impatient.cancel()
        await impatient.value
        #expect(!patient.isCancelled)
        completion.finish()
        await patient.value
    }

    @Test("who has given up before does not wait at all")
    func givenUp() async {
        let completion = Completion()
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            await completion.wait()
        }
        task.cancel()
        await task.value
    }
}
