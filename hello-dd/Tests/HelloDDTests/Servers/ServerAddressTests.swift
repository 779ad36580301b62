import Testing

@testable import HelloDD

struct ServerAddressTests {
    @Test(
        "who and what are replaced, where and how stay",
        arguments: [
            ("postgres://admin:s%40crt@db:5433/postgres?sslmode=require", "postgres://inventory:p@db:5433/inventory?sslmode=require", "db:5433"),
            ("postgresql://db", "postgresql://inventory:p@db/inventory", "db"),
            ("postgres://admin@[::1]:5432/x", "postgres://inventory:p@[::1]:5432/inventory", "[::1]:5432"),
            ("postgres://a:b@h1:1,h2:2/", "postgres://inventory:p@h1:1,h2:2/inventory", "h1:1,h2:2"),
            ("postgres:///x?host=/run/pg&user=a&password=b&dbname=y", "postgres://inventory:p@/inventory?host=/run/pg", "libpq's default host"),
        ])
    func replacing(text: String, url: String, place: String) throws {
        let address = try ServerAddress(text)
        #expect(address.url(user: "inventory", password: "p", database: "inventory") == url)
        #expect(address.place == place)
    }

    @Test(
        "the address itself is kept, with a database that every server has if it names none",
        arguments: [
            ("postgres://admin:s%40crt@db/maintenance?sslmode=require", "postgres://admin:s%40crt@db/maintenance?sslmode=require"),
            ("postgres://db", "postgres://db/postgres"), ("postgres://db?user=a&password=b", "postgres://a:b@db/postgres"),
        ])
    func kept(text: String, url: String) throws {
        #expect(try ServerAddress(text).url == url)
    }

    @Test("another scheme is refused without repeating the text", arguments: ["mysql://admin:hunter2@db", "host=db password=hunter2", ""])
    func refused(text: String) {
        let failure = #expect(throws: CommandFailure.self) { try ServerAddress(text) }
        #expect(failure?.description.contains("hunter2") == false)
    }
}
