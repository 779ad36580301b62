import LocalServers
import Testing

@Suite struct LocalPostgresTests {}
