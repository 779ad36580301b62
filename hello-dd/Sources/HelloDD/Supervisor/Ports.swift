#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Whether a port can be listened on, and who does.
enum Ports {
    enum Availability: Hashable, Sendable {
        case free
        case taken
        /// Such as a port below 1024 without the right to it, or an address that is not this machine's.
        case refused(reason: String)
    }

    static func availability(host: String, port: Int) -> Availability {
        switch listen(host: host, port: port) {
        case .success(let socket):
            close(socket.descriptor)
            return .free
        case .failure(let error):
            return error.number == EADDRINUSE ? .taken : .refused(reason: error.reason)
        }
    }

    /// `count` different ports that were free a moment ago.
    static func pick(_ count: Int, host: String) throws(CommandFailure) -> [Int] {
        var open: [Listening] = []
        defer { for socket in open { close(socket.descriptor) } }
        // All are held until the last is found, so that none is found twice.
        for _ in 0..<count {
            switch listen(host: host, port: 0) {
            case .success(let socket): open.append(socket)
            case .failure(let error): throw CommandFailure("no free port on \(host): \(error.reason)")
            }
        }
        return open.map(\.port)
    }

    private struct Listening { var descriptor: Int32, port: Int }
    private struct Refusal: Error { var number: Int32, reason: String }

    private static func listen(host: String, port: Int) -> Result<Listening, Refusal> {
        var hints = addrinfo()
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        #if canImport(Glibc)
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
        hints.ai_socktype = SOCK_STREAM
        #endif
        var found: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, String(port), &hints, &found)
        guard result == 0, let address = found else {
            return .failure(Refusal(number: 0, reason: "\(host): \(String(cString: gai_strerror(result)))"))
        }
        defer { freeaddrinfo(found) }
        func refused(closing descriptor: Int32? = nil) -> Result<Listening, Refusal> {
            let number = errno
            if let descriptor { close(descriptor) }
            return .failure(Refusal(number: number, reason: SystemCall.reason(number)))
        }
        let descriptor = socket(address.pointee.ai_family, address.pointee.ai_socktype, 0)
        guard descriptor >= 0 else { return refused() }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        var on: Int32 = 1
        // As the services do: connections of an earlier run that still linger do not count.
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        guard bind(descriptor, address.pointee.ai_addr, address.pointee.ai_addrlen) == 0, systemListen(descriptor) == 0 else {
            return refused(closing: descriptor)
        }
        var bound = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let port: Int? = withUnsafeMutablePointer(to: &bound) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard getsockname(descriptor, address, &size) == 0 else { return nil }
                return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { Int(UInt16(bigEndian: $0.pointee.sin_port)) }
            }
        }
        guard let port else { return refused(closing: descriptor) }
        return .success(Listening(descriptor: descriptor, port: port))
    }

    // MARK: Who holds it (Linux)

    struct Holder: Hashable, Sendable, CustomStringConvertible {
        var pid: Int32
        var name: String?
        var description: String { "\(name ?? "a process") (pid \(pid))" }
    }

    /// The process that listens on the port; nil where that is not to be seen: another user's process, another system.
    static func holder(of port: Int) -> Holder? {
        var inodes: Set<UInt64> = []
        for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
            // 8 MiB: some 50,000 sockets.
            if let text = Files.read(table, limit: 8 << 20) { inodes.formUnion(listeningInodes(port: port, table: text)) }
        }
        guard !inodes.isEmpty else { return nil }
        for pid in Files.list("/proc").compactMap({ Int32($0) }) {
            for descriptor in Files.list("/proc/\(pid)/fd") {
                guard let inode = socketInode(link: link("/proc/\(pid)/fd/\(descriptor)")), inodes.contains(inode) else { continue }
                return Holder(pid: pid, name: ProcessIdentity.name(of: pid))
            }
        }
        return nil
    }

    /// The inodes of the sockets that listen on `port`, from the text of `/proc/net/tcp` or `tcp6`: the local address is
    /// `HEX:PORT` in field 2, the state (`0A`, listening) in field 4, the inode in field 10.
    static func listeningInodes(port: Int, table: String) -> [UInt64] {
        table.split(separator: "\n").dropFirst().compactMap { line in
            let fields = line.split(separator: " ", omittingEmptySubsequences: true)
            guard fields.count > 9, fields[3] == "0A", let colon = fields[1].lastIndex(of: ":"),
                Int(fields[1][fields[1].index(after: colon)...], radix: 16) == port
            else { return nil }
            return UInt64(fields[9])
        }
    }

    /// The number in `socket:[12345]`.
    static func socketInode(link: String?) -> UInt64? {
        guard let link, link.hasPrefix("socket:["), link.hasSuffix("]") else { return nil }
        return UInt64(link.dropFirst(8).dropLast())
    }

    private static func link(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 256)
        let count = readlink(path, &buffer, buffer.count)
        guard count > 0 else { return nil }
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

private func systemListen(_ descriptor: Int32) -> Int32 { listen(descriptor, 1) }
