import Basics
import Testing

@testable import Database

@Suite struct MigrationTests {
    private static let first = """
        -- two tables; a comment with a ';' in it
        CREATE TABLE a (id BIGINT PRIMARY KEY, note TEXT DEFAULT 'x;y');
        CREATE TABLE log (id BIGINT);
        """
    private static let second = """
        CREATE TRIGGER logged AFTER INSERT ON a BEGIN
            INSERT INTO log VALUES (new.id);
            INSERT INTO log VALUES (new.id + 100);
        END;
        CREATE TRIGGER append_only BEFORE DELETE ON log BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
        -- the end
        """

    private static let secondForPostgres = """
        CREATE FUNCTION logged() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN
            INSERT INTO log VALUES (new.id);
            INSERT INTO log VALUES (new.id + 100);
            RETURN NULL;
        END; $body$;
        CREATE TRIGGER logged AFTER INSERT ON a FOR EACH ROW EXECUTE FUNCTION logged();
        CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the log is append-only'; END; $$;
        CREATE TRIGGER append_only BEFORE DELETE ON log FOR EACH ROW EXECUTE FUNCTION append_only();
        -- the end
        """

    private static func bytes(_ name: String, _ text: String) -> (name: String, bytes: [UInt8]) { (name, Array(text.utf8)) }

    /// - Parameter edit: what was added to the second one since.
    private static func load(edit: String = "") throws -> [Migration] {
        try Migration.load([
            bytes("m0002_triggers.sqlite.sql", second + edit), bytes("m0001_tables.sql", first),
            bytes("m0002_triggers.postgres.sql", secondForPostgres + edit),
        ])
    }

    /// One that is the same for both engines.
    private static func plain(_ version: Int, _ name: String, _ script: String) -> Migration {
        Migration(version: version, name: name, sqlite: script, postgres: script)
    }

    @Test("scripts of several statements, triggers included, are applied once and recorded", arguments: Engine.allCases)
    func apply(engine: Engine) async throws {
        try await engine.withStore { store in
            let migrations = try Self.load()
            let first = try store.open().database
            try await migrate(first, migrations, now: { Timestamp(microseconds: 7) })
            try await migrate(first, migrations, now: { Timestamp(microseconds: 8) })
            await first.shutdown()
            let database = try store.open().database
            try await migrate(database, migrations)
            let rows = try await database.query("SELECT * FROM schema_migrations ORDER BY version")
            #expect(try rows.map { try $0.decode("name", as: String.self) } == ["m0001_tables", "m0002_triggers"])
            #expect(try rows.map { try $0.decode("applied_at", as: Timestamp.self).microseconds } == [7, 7])
            #expect(try rows[0].decode("checksum", as: String.self).utf8.count == 64)

            try await database.execute("INSERT INTO a (id) VALUES (1)")
            #expect(try await database.query("SELECT id FROM log ORDER BY id").map { try $0.decode(0, as: Int.self) } == [1, 101])
            #expect(try await database.query("SELECT note FROM a")[0].decode(0, as: String.self) == "x;y")
            let refused = await #expect(throws: DatabaseError.self) { try await database.execute("DELETE FROM log") }
            #expect(refused?.code == .checkViolation)
            #expect(refused?.message == "a trigger refused the change")
            #expect(refused?.constraint == "the log is append-only")
            #expect(refused?.sqlState == (engine == .postgres ? "P0001" : nil))
        }
    }

    @Test("an edited or renamed migration is refused by name, and nothing is applied after it", arguments: Engine.allCases)
    func edited(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            try await migrate(opened.database, try Self.load())
            let third = Self.plain(3, "m0003_more", "CREATE TABLE more (id BIGINT)")
            let edited = await #expect(throws: DatabaseError.self) {
                try await migrate(opened.database, try Self.load(edit: " ") + [third])
            }
            #expect(edited?.code == .migrationChecksumMismatch)
            #expect(edited?.message.contains("m0002_triggers") == true)
            var renamed = try Self.load()
            renamed[0] = Self.plain(1, "m0001_other", renamed[0].sqlite)
            try await expect(.migrationChecksumMismatch) { try await migrate(opened.database, renamed + [third]) }
            #expect(try await opened.database.count("schema_migrations") == 2)
        }
    }

    @Test("a database that a newer program has added to is accepted, so that a release can be taken back", arguments: Engine.allCases)
    func newer(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            let older = [try Self.load()[0]]
            #expect(try await migrate(opened.database, older) == 0)
            #expect(try await migrate(opened.database, try Self.load() + [Self.plain(3, "m0003_more", "CREATE TABLE more (id BIGINT)")]) == 0)
            #expect(try await migrate(opened.database, older) == 2)
            #expect(try await opened.database.count("schema_migrations") == 3)
            let edited = [Self.plain(1, "m0001_tables", Self.first + " ")]
            try await expect(.migrationChecksumMismatch) { try await migrate(opened.database, edited) }
        }
    }

    @Test("a migration that does more than add leaves behind the programs that it says, and no others", arguments: Engine.allCases)
    func contracting(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            let additions = [
                Self.plain(1, "m0001_a", "CREATE TABLE a (id BIGINT, old TEXT)"), Self.plain(2, "m0002_b", "CREATE TABLE b (id BIGINT)"),
            ]
            let all =
                additions + [
                    Self.plain(3, "m0003_drop", "-- needs: 2\nALTER TABLE a DROP COLUMN old"), Self.plain(4, "m0004_c", "CREATE TABLE c (id BIGINT)"),
                ]
            try await migrate(opened.database, all)
            #expect(try await migrate(opened.database, additions) == 2)
            let error = await #expect(throws: DatabaseError.self) { try await migrate(opened.database, [additions[0]]) }
            #expect(error?.code == .migrationChecksumMismatch)
            #expect(error?.message.contains("m0003_drop, which needs a program that knows 2 migrations, and this one knows 1") == true)
        }
    }

    @Test("a need that no program can have is refused before anything is applied", arguments: ["0", "2", "-1", "one", "", "1 2"])
    func badNeeds(text: String) async throws {
        try await Engine.sqlite.withDatabase { opened in
            let migration = Self.plain(1, "m0001_a", "-- needs: \(text)\nCREATE TABLE a (id BIGINT)")
            let error = await #expect(throws: DatabaseError.self) { try await migrate(opened.database, [migration]) }
            #expect(error?.code == .migrationChecksumMismatch)
            #expect(error?.message.hasPrefix("m0001_a") == true)
            try await expect(.statement) { _ = try await opened.database.count("schema_migrations") }
        }
    }

    @Test("the history of a database that was made before needs were recorded is completed", arguments: Engine.allCases)
    func history(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            try await migrate(opened.database, try Self.load())
            try await opened.database.execute("ALTER TABLE schema_migrations DROP COLUMN needs")
            #expect(try await migrate(opened.database, [try Self.load()[0]]) == 1)
            #expect(try await opened.database.query("SELECT needs FROM schema_migrations").map { try $0.decode(0, as: Int.self) } == [0, 0])
        }
    }

    @Test("a migration that fails leaves nothing of itself, keeps those before it, and is named", arguments: Engine.allCases)
    func failing(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            let broken = Self.plain(3, "m0003_broken", "CREATE TABLE c (id BIGINT); INSERT INTO nowhere VALUES (1);")
            let error = await #expect(throws: DatabaseError.self) { try await migrate(opened.database, try Self.load() + [broken]) }
            #expect(error?.code == .statement)
            #expect(error?.message.contains("m0003_broken") == true)
            #expect(try await opened.database.count("schema_migrations") == 2)
            try await expect(.statement) { _ = try await opened.database.count("c") }
            let mended = Self.plain(3, "m0003_broken", "CREATE TABLE c (id BIGINT);")
            try await migrate(opened.database, try Self.load() + [mended])
            #expect(try await opened.database.count("c") == 0)
        }
    }

    @Test("a script cannot end the transaction it runs in", arguments: Engine.allCases)
    func escaping(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            let script = Self.plain(1, "m0001_escape", "CREATE TABLE c (id BIGINT); COMMIT; CREATE TABLE d (id BIGINT);")
            try await expect(.statement) { try await migrate(opened.database, [script]) }
            try await expect(.statement) { _ = try await opened.database.count("c") }
        }
    }

    @Test("replicas that start at once apply each migration once, and all of them find it applied", arguments: Engine.allCases)
    func replicas(engine: Engine) async throws {
        try await engine.withStore { store in
            let migrations = try Self.load() + [Self.plain(3, "m0003_more", "CREATE TABLE more (id BIGINT); INSERT INTO more VALUES (1);")]
            // A file has one opener; there the callers share it.
            let first = try store.open().database
            let replicas = try (1...8).map { _ in engine == .postgres ? try store.open().database : first }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for replica in replicas { group.addTask { try await migrate(replica, migrations) } }
                try await group.waitForAll()
            }
            #expect(try await first.count("schema_migrations") == 3)
            #expect(try await first.count("more") == 1)
        }
    }

    @Test("a plain file serves both dialects, and others one each")
    func dialects() throws {
        let migrations = try Self.load()
        #expect(migrations.map(\.name) == ["m0001_tables", "m0002_triggers"])
        #expect(migrations.map(\.version) == [1, 2])
        #expect(migrations[0].sqlite == Self.first && migrations[0].postgres == Self.first)
        #expect(migrations[1].sqlite == Self.second && migrations[1].postgres == Self.secondForPostgres)
    }

    @Test(
        "a file with a malformed name is refused by name",
        arguments: [
            "0001_a.sql", "m1_a.sql", "m0001.sql", "m0001_.sql", "m0000_a.sql", "m0001_a.txt", "m0001_a.mysql.sql", "m0001_a.b.sqlite.sql",
            "m١٢٣٤_a.sql", "",
        ])
    func names(name: String) {
        let error = #expect(throws: DatabaseError.self) { try Migration.load([Self.bytes(name, "")]) }
        #expect(error?.code == .migrationChecksumMismatch)
        #expect(error?.message.hasPrefix(name) == true)
    }

    @Test(
        "gaps, duplicates, missing dialects and text that is not UTF-8 are refused by name",
        arguments: [
            (["m0002_b.sql"], "m0002_b"), (["m0001_a.sql", "m0003_c.sql"], "m0003_c"), (["m0001_a.sql", "m0001_b.sql"], "m0001_b.sql"),
            (["m0001_a.sql", "m0001_a.sql"], "m0001_a.sql"), (["m0001_a.sql", "m0001_a.sqlite.sql"], "m0001_a.sqlite.sql"),
            (["m0001_a.postgres.sql"], "m0001_a"),
        ])
    func sets(names: [String], named: String) {
        let error = #expect(throws: DatabaseError.self) { try Migration.load(names.map { Self.bytes($0, "") }) }
        #expect(error?.code == .migrationChecksumMismatch)
        #expect(error?.message.hasPrefix(named) == true)
    }

    @Test("a file that is not UTF-8 is refused by name")
    func encoding() {
        let error = #expect(throws: DatabaseError.self) { try Migration.load([(name: "m0001_a.sql", bytes: [0x2D, 0x2D, 0xFF])]) }
        #expect(error?.message.hasPrefix("m0001_a.sql") == true)
    }
}
