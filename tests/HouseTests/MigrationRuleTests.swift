import Foundation
import TestKit
import Testing

@Suite("a migration only adds, or says which programs it leaves behind")
struct MigrationRuleTests {
    @Test("what takes something away, renames it or forbids more says what it needs")
    func contractions() throws {
        let scripts = Repository.files.filter { $0.hasSuffix(".sql") && $0.contains("/Resources/m") }
        #expect(scripts.count >= 8)
        for path in scripts {
            let text = try Repository.text(path)
            if let found = Self.contraction(text) {
                #expect(text.hasPrefix("-- needs: "), "\(path): '\(found)' breaks programs that know the schema before it: see docs/adr/0006")
            }
        }
    }

    @Test(
        "a planted contraction is caught",
        arguments: [
            "DROP TABLE a;", "ALTER TABLE a DROP COLUMN b;", "alter table a\n  rename column b to c;", "ALTER TABLE a RENAME TO b;",
            "ALTER TABLE a ALTER COLUMN b TYPE bigint;", "ALTER TABLE a ALTER COLUMN b SET NOT NULL;", "ALTER TABLE a ADD COLUMN b bigint NOT NULL;",
            "ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0);", "CREATE TABLE z (id bigint);\nDROP INDEX IF EXISTS x; DROP VIEW y;",
            "DROP TRIGGER t ON a;", "DROP FUNCTION f();",
        ])
    func planted(script: String) { #expect(Self.contraction(script) != nil) }

    @Test(
        "an addition is none",
        arguments: [
            "CREATE TABLE a (b bigint NOT NULL CHECK (b > 0));", "ALTER TABLE a ADD COLUMN b text;",
            "-- we do not DROP TABLE a\nCREATE INDEX i ON a (b);",
            "ALTER TABLE a ADD COLUMN b bigint NOT NULL DEFAULT 0;", "DROP INDEX i;", "INSERT INTO a VALUES ('x');",
        ])
    func additions(script: String) { #expect(Self.contraction(script) == nil) }

    /// The first words that a program of the release before would miss; nil where there are none. An index is missed by nobody.
    private static func contraction(_ script: String) -> String? {
        let code = script.replacing(/--[^\n]*/, with: "")
        let taken = /\bDROP\s+(TABLE|COLUMN|VIEW|TRIGGER|FUNCTION|TYPE|SCHEMA|EXTENSION)\b|\bRENAME\b|\bALTER\s+COLUMN\s+\w+\s+(SET\s+DATA\s+)?TYPE\b/
        let forbidden = /\bSET\s+NOT\s+NULL\b|\bADD\s+CONSTRAINT\b|\bADD\s+COLUMN\s+(?:(?!\bDEFAULT\b)[^;,])*?\bNOT\s+NULL\b(?!\s+DEFAULT)/
        return (code.firstMatch(of: taken.ignoresCase()).map { $0.0 } ?? code.firstMatch(of: forbidden.ignoresCase()).map { $0.0 }).map(String.init)
    }
}
