#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Two ends of which one reads what the other writes. No program inherits them unasked, and both are numbered 10 or more: below that
/// stand the numbers that a child is given.
///
/// Where it can be they are closed on exec from the beginning: another thread may start a program in the same moment, and a program that
/// held an end would hide that this process is gone. (`pipe2(2)` is not to be imported; a pair of sockets serves as well.)
///
/// - Returns: nil where the system has no more descriptors; `errno` says so.
public func makePipe() -> (read: Int32, write: Int32)? {
    var ends: [Int32] = [-1, -1]
    guard pair(&ends) == 0 else { return nil }
    let moved = ends.map { fcntl($0, F_DUPFD_CLOEXEC, 10) }
    for end in ends { close(end) }
    guard moved.allSatisfy({ $0 >= 0 }) else {
        let reason = errno
        for end in moved where end >= 0 { close(end) }
        errno = reason
        return nil
    }
    return (moved[0], moved[1])
}

private func pair(_ ends: inout [Int32]) -> Int32 {
    #if canImport(Glibc)
    socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends)
    #elseif canImport(Musl)
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, &ends)
    #else
    pipe(&ends)
    #endif
}
