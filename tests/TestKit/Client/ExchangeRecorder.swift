import FoundationEssentials
import HTTPPath
import HTTPTypes
import NIOCore
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Appends every exchange as one line of JSON to a file in the folder that `HELLO_DD_EXCHANGES` names, where a script compares
/// them with the OpenAPI documents.
final class ExchangeRecorder: Sendable {
    private let service: String
    private let descriptor: Mutex<Int32>

    private static let count = Atomic<Int>(0)

    /// nil where the variable is not set.
    init?(service: String) {
        guard let folder = ProcessInfo.processInfo.environment["HELLO_DD_EXCHANGES"], !folder.isEmpty else { return nil }
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let number = Self.count.add(1, ordering: .relaxed).newValue
        let path = "\(folder)/\(service)-\(getpid())-\(number).ndjson"
        let opened = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        precondition(opened >= 0, "HELLO_DD_EXCHANGES: \(path) cannot be written")
        self.service = service
        descriptor = Mutex(opened)
    }

    deinit { _ = descriptor.withLock { close($0) } }

    func record(_ exchange: Exchange) {
        var line = JSONWriter.object { json in
            json.field("service", service)
            json.field("method", exchange.method)
            json.field("url", exchange.url)
            json.field("requestHeaders", exchange.requestHeaders.map { [$0.0, $0.1] })
            json.field("requestBody", exchange.requestBody.map { JSON.string(Self.base64($0)) } ?? .null)
            json.field("status", exchange.status)
            json.field("responseHeaders", exchange.headers.map { [$0.name.rawName, $0.value] })
            json.field("responseBody", Self.base64(exchange.body))
        }
        line.writeInteger(UInt8(ascii: "\n"))
        descriptor.withLock { descriptor in
            var rest = line.readableBytesView[...]
            while !rest.isEmpty {
                let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
                guard written > 0 else { return }
                rest = rest.dropFirst(written)
            }
        }
    }

    private static func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }
}
