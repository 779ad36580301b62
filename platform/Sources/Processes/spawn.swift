#if canImport(Glibc)
public import Glibc
#elseif canImport(Musl)
public import Musl
#elseif canImport(Darwin)
public import Darwin
#endif

/// Why a program could not be started: which one, and what the system said.
public struct SpawnError: Error, CustomStringConvertible {
    public let program: String
    /// `errno` of the call that failed.
    public let number: Int32

    public var description: String { "\(program): \(String(cString: strerror(number)))" }
}

/// Starts a program: `posix_spawn(3)`. Whoever calls it waits for the process (`waitpid(2)`), or it stays a zombie.
///
/// Its signal handlers and its signal mask are the defaults, whatever this process ignores and this thread blocks. (The threads of the
/// concurrency pool take no signals, and a child would inherit that: it could not be told to end.)
///
/// - Parameters:
///   - program: path of the executable; the `PATH` is not searched.
///   - arguments: without the program's own name.
///   - environment: the whole of it; nothing is inherited.
///   - descriptors: what stands where in it, by number below 10. 0 reads nothing unless named here. What this process holds with
///     `FD_CLOEXEC`, and on Darwin everything else, it does not get.
///   - name: what it sees as the name it was called by, if not its path.
///   - inOwnGroup: a process group of its own, so that Ctrl-C in a terminal does not reach it, and a kill of the group reaches what it started.
public func spawn(
    _ program: String, _ arguments: [String] = [], environment: [String: String], descriptors: [Int32: Int32] = [:], name: String? = nil,
    inOwnGroup: Bool = true
) throws(SpawnError) -> pid_t {
    #if canImport(Darwin)
    var attributes: posix_spawnattr_t?
    var actions: posix_spawn_file_actions_t?
    var flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_CLOEXEC_DEFAULT
    #else
    var attributes = posix_spawnattr_t()
    var actions = posix_spawn_file_actions_t()
    var flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
    #endif
    if inOwnGroup { flags |= POSIX_SPAWN_SETPGROUP }
    posix_spawnattr_init(&attributes)
    posix_spawn_file_actions_init(&actions)
    defer {
        posix_spawnattr_destroy(&attributes)
        posix_spawn_file_actions_destroy(&actions)
    }
    var every = sigset_t()
    var none = sigset_t()
    sigfillset(&every)
    sigemptyset(&none)
    posix_spawnattr_setflags(&attributes, Int16(flags))
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setsigdefault(&attributes, &every)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    // Out of the way first: where one stands at another's new number it would be overwritten, or be closed on exec for not having moved.
    let moved = descriptors.mapValues { fcntl($0, F_DUPFD_CLOEXEC, 10) }
    defer { for descriptor in moved.values where descriptor >= 0 { close(descriptor) } }
    if moved.values.contains(where: { $0 < 0 }) { throw SpawnError(program: program, number: errno) }
    for (number, descriptor) in moved { posix_spawn_file_actions_adddup2(&actions, descriptor, number) }

    let argv = ([name ?? program] + arguments).map { strdup($0) } + [nil]
    let envp = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for pointer in argv + envp { free(pointer) } }
    var pid: pid_t = 0
    let result = posix_spawn(&pid, program, &actions, &attributes, argv, envp)
    guard result == 0 else { throw SpawnError(program: program, number: result) }
    return pid
}

/// Waits for a process of this one's own to end, and reaps it. Blocks the thread.
///
/// - Returns: its exit code, or minus the number of the signal that ended it.
public func waitForEnd(of pid: pid_t) -> Int32 {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    let signal = status & 0x7F
    return signal == 0 ? status >> 8 & 0xFF : -signal
}
