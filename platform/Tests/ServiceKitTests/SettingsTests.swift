import ServiceKit
import TestKit
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#endif

@Suite("Settings")
struct SettingsTests {
    private let port = Setting<Int>.integer("test.port", default: 1, in: 0...100, unit: "ports", help: "A port.")
    private let name = Setting<String>.string("test.name", help: "A name.")
    private let password = Setting<Int>.init("test.password", default: nil, secret: true, expected: "a number", help: "A secret.") { Int($0) }

    @Test("the command line wins over the environment, that over the file .env, that over the default")
    func precedence() async throws {
        try await withTemporaryFolder { folder in
            let file = "\(folder)/.env"
            try "TEST_PORT=2\nTEST_NAME=file\n".write(toFile: file, atomically: true, encoding: .utf8)
            let missing = "\(folder)/none"
            #expect(try await Settings(arguments: ["x", "--test-port", "4"], environment: ["TEST_PORT": "3"], envFile: file)(port) == 4)
            #expect(try await Settings(arguments: ["x", "--test-port=4"], environment: ["TEST_PORT": "3"], envFile: file)(port) == 4)
            #expect(try await Settings(arguments: ["x"], environment: ["TEST_PORT": "3"], envFile: file)(port) == 3)
            #expect(try await Settings(arguments: ["x"], environment: [:], envFile: file)(port) == 2)
            #expect(try await Settings(arguments: ["x"], environment: [:], envFile: file)(name) == "file")
            #expect(try await Settings(arguments: ["x"], environment: [:], envFile: missing)(port) == 1)
            #expect(try await Settings(arguments: ["x"], environment: [:], envFile: nil)(port) == 1)
        }
    }

    @Test("an empty value counts as none")
    func empty() throws {
        #expect(try Settings(["TEST_PORT": ""])(port) == 1)
        #expect(try Settings(["TEST_NAME": ""]).optional(name) == nil)
    }

    @Test("an error names the variable and what it must be", arguments: ["x", "101", "-1", "1.5", "99999999999999999999", "1 "])
    func errors(_ text: String) {
        let error = #expect(throws: ConfigurationError.self) { try Settings(["TEST_PORT": text])(port) }
        #expect(error?.description == "TEST_PORT must be a whole number from 0 to 100, not \"\(text)\"")
    }

    @Test("a required setting that is missing is named with what it is")
    func missing() {
        let error = #expect(throws: ConfigurationError.self) { try Settings([:])(name) }
        #expect(error?.description == "TEST_NAME is required: A name.")
    }

    @Test("a secret is never printed")
    func secrets() {
        let error = #expect(throws: ConfigurationError.self) { try Settings(["TEST_PASSWORD": "hunter2"])(password) }
        #expect(error?.description == "TEST_PASSWORD must be a number")
    }

    @Test("times are seconds with fractions, within their bounds", arguments: [("0.25", 250), ("2", 2000), ("300", 300_000)])
    func durations(_ text: String, _ milliseconds: Int64) throws {
        #expect(try Settings(["DRAIN_SECONDS": text])(ServiceSettings.drain) == .milliseconds(milliseconds))
    }

    @Test("what is no time is refused", arguments: ["nan", "inf", "-1", "301", "1s", "1e300"])
    func noDurations(_ text: String) {
        #expect(throws: ConfigurationError.self) { try Settings(["DRAIN_SECONDS": text])(ServiceSettings.drain) }
    }

    @Test("every setting has a name of its own, a help text, and a default that it accepts itself")
    func all() throws {
        let settings = ServiceDefinition(name: "x", port: 1) { _ in throw ConfigurationError("not built") }.allSettings
        #expect(Set(settings.map(\.variable)).count == settings.count)
        for setting in settings { #expect(setting.help.hasSuffix("."), "\(setting.key)") }
        try ServiceDefinition(name: "x", port: 1) { _ in throw ConfigurationError("not built") }.check(Settings([:]))
    }

    @Test("a service does not start with a value that cannot be used")
    func refusedAtStart() async {
        let error = await #expect(throws: ConfigurationError.self) {
            try await withService(ProbeService().definition, settings: ["HTTP_MAX_BODY_BYTES": "lots"]) { _ in }
        }
        #expect(error?.description.hasPrefix("HTTP_MAX_BODY_BYTES must be") == true)
    }
}
