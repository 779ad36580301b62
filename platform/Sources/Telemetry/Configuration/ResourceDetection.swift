#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// What a process can find out about where it runs.
enum ResourceDetection {
    /// - Parameter variable: an environment variable's value.
    static func detect(_ variable: (String) -> String?) -> [String: String] {
        var found: [String: String] = [
            "telemetry.sdk.name": "hello-dd", "telemetry.sdk.language": "swift", "telemetry.sdk.version": Telemetry.libraryVersion,
            "process.pid": String(getpid()), "process.runtime.name": "swift", "os.type": osType, "host.arch": architecture,
            "service.instance.id": instanceID(),
        ]
        found["host.name"] = hostName()
        found["container.id"] = containerID(in: contents(of: "/proc/self/cgroup")) ?? containerID(in: contents(of: "/proc/self/mountinfo"))
        found.merge(kubernetes(variable, namespace: contents(of: "/var/run/secrets/kubernetes.io/serviceaccount/namespace"))) { $1 }
        return found
    }

    /// From the downward API, under the names that OpenTelemetry's operator gives its variables.
    static func kubernetes(_ variable: (String) -> String?, namespace: String) -> [String: String] {
        guard variable("KUBERNETES_SERVICE_HOST") != nil else { return [:] }
        var found: [String: String] = [:]
        // A pod's host name is its own name, unless somebody has set another.
        found["k8s.pod.name"] = variable("OTEL_RESOURCE_ATTRIBUTES_POD_NAME") ?? variable("HOSTNAME")
        found["k8s.pod.uid"] = variable("OTEL_RESOURCE_ATTRIBUTES_POD_UID")
        found["k8s.node.name"] = variable("OTEL_RESOURCE_ATTRIBUTES_NODE_NAME")
        if !namespace.isEmpty { found["k8s.namespace.name"] = namespace }
        return found.filter { !$0.value.isEmpty }
    }

    /// The 64 hexadecimal digits that container runtimes put into the paths of cgroups and mounts; nil outside of a container.
    static func containerID(in text: String) -> String? {
        for part in text.split(whereSeparator: { "/\n:-. ".contains($0) }) where part.utf8.count == 64 {
            if part.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) { return String(part) }
        }
        return nil
    }

    /// A random UUID: a process that is started again is another instance.
    private static func instanceID() -> String {
        var random = SystemRandomNumberGenerator()
        var (a, b): (UInt64, UInt64) = (random.next(), random.next())
        a = a & ~0xF000 | 0x4000
        b = b & ~(3 << 62) | 2 << 62
        let text = Hex.text(a, b)
        var parts: [Substring] = []
        var rest = text[...]
        for length in [8, 4, 4, 4, 12] {
            parts.append(rest.prefix(length))
            rest = rest.dropFirst(length)
        }
        return parts.joined(separator: "-")
    }

    private static func hostName() -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            guard let address = buffer.baseAddress, gethostname(address, 255) == 0 else { return nil }
            buffer[255] = 0
            let name = String(cString: address)
            return name.isEmpty ? nil : name
        }
    }

    /// The file's first 64 KiB; nothing where it cannot be read.
    private static func contents(of path: String) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes { read(file, $0.baseAddress.map { $0 + count }, $0.count - count) }
            guard got > 0 else { break }
            count += got
        }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    private static var osType: String {
        #if os(Linux)
        "linux"
        #elseif os(macOS)
        "darwin"
        #else
        "other"
        #endif
    }

    private static var architecture: String {
        #if arch(x86_64)
        "amd64"
        #elseif arch(arm64)
        "arm64"
        #else
        "other"
        #endif
    }
}
