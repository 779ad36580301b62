import Logging
import ServiceKit

/// The keys that sign quotes: configured, or kept in a file beside the other keys.
enum SigningKey {
    /// - Parameters:
    ///   - configured: hexadecimal, several separated by commas, the first of which signs; comes before the file.
    ///   - folder: where `quotes.key` is, or will be; see `SecretKeyFile`. Changed with `hello-dd keys rotate quotes`.
    static func load(configured: String?, folder: String, logger: Logger) throws(ConfigurationError) -> SecretKeys {
        guard let configured else { return try SecretKeys(file: SecretKeyFile(path: "\(folder)/quotes.key"), logger: logger) }
        guard let keys = SecretKeyFile.parse(configured) else {
            throw ConfigurationError("QUOTE_SIGNING_KEY must be 1 to 4 keys of at least 64 hexadecimal digits, separated by commas")
        }
        return SecretKeys(keys)
    }
}
