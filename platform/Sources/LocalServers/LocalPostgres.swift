/// A PostgreSQL server of one's own, run from the binaries that are installed.
public final class LocalPostgres: Sendable {
    init() {}
}
