import Configuration
import SystemPackage

/// One configuration key: its name, unit, default and the reason for the default, in one place. `--help` and the docs are made of these.
public struct Setting<Value: Sendable>: Sendable {
    /// Dotted and lower case: `http.port` is the flag `--http-port` and the variable `HTTP_PORT`.
    public let key: String
    /// What it is and why the default is what it is, in one sentence each.
    public let help: String
    /// `seconds`, `bytes`, …; nil where a unit makes no sense.
    public let unit: String?
    /// Never printed where true.
    public let isSecret: Bool
    /// The default in its text form; nil where there is none.
    public let defaultText: String?
    /// Completes "must be …".
    let expected: String
    let parse: @Sendable (String) -> Value?

    public init(
        _ key: String, default defaultText: String?, unit: String? = nil, secret: Bool = false, expected: String, help: String,
        parse: @escaping @Sendable (String) -> Value?
    ) {
        precondition(defaultText.map { parse($0) != nil } ?? true, "the default of \(key) is not valid")
        self.key = key
        self.defaultText = defaultText
        self.unit = unit
        self.isSecret = secret
        self.expected = expected
        self.help = help
        self.parse = parse
    }

    /// The environment variable's name.
    public var variable: String { SettingInfo.variable(key) }
}

extension Setting where Value == String {
    public static func string(_ key: String, default value: String? = nil, secret: Bool = false, help: String) -> Self {
        Setting(key, default: value, secret: secret, expected: "a text", help: help) { $0 }
    }
}

extension Setting where Value == Int {
    public static func integer(_ key: String, default value: Int? = nil, in range: ClosedRange<Int>, unit: String? = nil, help: String) -> Self {
        Setting(
            key, default: value.map(String.init), unit: unit, expected: "a whole number from \(range.lowerBound) to \(range.upperBound)", help: help
        ) { text in Int(text).flatMap { range.contains($0) ? $0 : nil } }
    }
}

extension Setting where Value == Bool {
    public static func flag(_ key: String, default value: Bool, help: String) -> Self {
        Setting(key, default: value ? "true" : "false", expected: "true or false", help: help) { text in
            switch text.lowercased() {
            case "true", "1", "yes", "on": true
            case "false", "0", "no", "off": false
            default: nil
            }
        }
    }
}

extension Setting where Value == Duration {
    /// A time in seconds, fractions allowed.
    public static func seconds(_ key: String, default value: Double? = nil, in range: ClosedRange<Double>, help: String) -> Self {
        Setting(
            key, default: value.map { $0 == $0.rounded() ? String(Int($0)) : String($0) }, unit: "seconds",
            expected: "a number of seconds from \(range.lowerBound) to \(range.upperBound)", help: help
        ) { text in Double(text).flatMap { range.contains($0) ? .microseconds(Int64($0 * 1_000_000)) : nil } }
    }
}

/// What there is to know about a setting without its type.
public struct SettingInfo: Sendable {
    public let key: String
    public let variable: String
    public let defaultText: String?
    public let unit: String?
    public let help: String
    public let isSecret: Bool
    let check: @Sendable (Settings) throws(ConfigurationError) -> Void

    public init<Value>(_ setting: Setting<Value>) {
        key = setting.key
        variable = setting.variable
        defaultText = setting.defaultText
        unit = setting.unit
        help = setting.help
        isSecret = setting.isSecret
        check = { settings throws(ConfigurationError) in _ = try settings.optional(setting) }
    }

    var flag: String { "--" + key.replacing(".", with: "-") }

    static func variable(_ key: String) -> String { key.replacing(".", with: "_").uppercased() }
}

/// The values in force: command line before environment before the file `.env` before defaults.
public struct Settings: Sendable {
    private let reader: ConfigReader

    /// - Parameter envFile: read if it exists.
    public init(
        arguments: [String] = CommandLine.arguments, environment: [String: String]? = nil, envFile: String? = ".env"
    ) async throws(ConfigurationError) {
        var providers: [any ConfigProvider] = [CommandLineArgumentsProvider(arguments: arguments)]
        providers.append(environment.map { EnvironmentVariablesProvider(environmentVariables: $0) } ?? EnvironmentVariablesProvider())
        if let envFile {
            do {
                providers.append(try await EnvironmentVariablesProvider(environmentFilePath: FilePath(envFile), allowMissing: true))
            } catch {
                throw ConfigurationError("the file \(envFile) cannot be read: mend it or remove it")
            }
        }
        reader = ConfigReader(providers: providers)
    }

    /// Values given by their variables' names; for tests, and for whoever embeds a service.
    public init(_ values: [String: String]) {
        reader = ConfigReader(provider: EnvironmentVariablesProvider(environmentVariables: values))
    }

    /// - Throws: `ConfigurationError` that names the variable, where the value is not valid or there is none.
    public func callAsFunction<Value>(_ setting: Setting<Value>) throws(ConfigurationError) -> Value {
        guard let value = try optional(setting) else {
            throw ConfigurationError("\(setting.variable) is required: \(setting.help)")
        }
        return value
    }

    /// What an environment variable says, also one that is no setting of this program, as it stands; nil where it says nothing.
    public func text(ofVariable name: String) -> String? {
        reader.string(forKey: ConfigKey(name.lowercased().replacing("_", with: ".")), isSecret: true).flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The value, or nil where there is neither a value nor a default. An empty value counts as none.
    public func optional<Value>(_ setting: Setting<Value>) throws(ConfigurationError) -> Value? {
        let given = reader.string(forKey: ConfigKey(setting.key), isSecret: setting.isSecret).flatMap { $0.isEmpty ? nil : $0 }
        guard let text = given ?? setting.defaultText else { return nil }
        guard let value = setting.parse(text) else {
            let shown = setting.isSecret || text.count > 100 ? "" : ", not \"\(text)\""
            throw ConfigurationError("\(setting.variable) must be \(setting.expected)\(shown)")
        }
        return value
    }
}

/// A configuration that cannot be used, in one line that says which variable and what it must be.
public struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}
