import Testing

@testable import Redis

@Suite struct RedisOptionsTests {
    /// With an untyped error: within `#expect` the compiler does not see that a typed one is handled.
    private func read(_ url: String) throws -> RedisOptions { try RedisOptions(url: url) }

    @Test("an address is read with all of its parts")
    func addresses() throws {
        #expect(try read("redis://cache") == RedisOptions(host: "cache"))
        #expect(try read("redis://cache/") == RedisOptions(host: "cache"))
        #expect(try read("redis://cache:6380/3") == RedisOptions(host: "cache", port: 6380, database: 3))
        #expect(try read("redis://:p%40ss%3A@cache") == RedisOptions(host: "cache", password: "p@ss:"))
        #expect(try read("rediss://shop:p:w@cache:1") == RedisOptions(host: "cache", port: 1, user: "shop", password: "p:w", tls: .init()))
        #expect(try read("redis://[::1]:7000") == RedisOptions(host: "::1", port: 7000))
    }

    @Test(
        "a wrong address is refused, and its password is not repeated",
        arguments: [
            "", "cache", "http://s3cret@cache", "redis://", "redis://:s3cret@", "redis://s3cret@cache", "redis://:s3cret@cache:0",
            "redis://:s3cret@cache:x",
            "redis://:s3cret@cache/x", "redis://:s3cret@cache/-1", "redis://:s3cret%4@cache", "redis://:s3cret%zz@cache", "redis://:s3cret%ff@cache",
            "redis://[::1", "redis://[::1]x", "redis://:s3cret@cache?ssl=true",
        ])
    func wrong(url: String) {
        let error = #expect(throws: RedisURLError.self) { try read(url) }
        #expect(error.map { !$0.description.contains("s3cret") && !$0.description.isEmpty } == true)
    }

    @Test("a script is named by the SHA-1 of its text")
    func digest() { #expect(RedisScript("one", "return 1").digest == "e0e1f9fabfc9d4800c877a703b823ac0578ff8db") }
}
