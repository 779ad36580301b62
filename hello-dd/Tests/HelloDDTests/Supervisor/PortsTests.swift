import Testing

@testable import HelloDD

struct PortsTests {
    private static let table = """
          sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
           0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 10155 1 0000000000000000 100 0 0 10 0
           1: 0100007F:1F41 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 20311 1 0000000000000000 100 0 0 10 0
           2: 0100007F:1F40 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 30999 1 0000000000000000 20 4 30 10 -1
           3: garbage
        """

    @Test("only a socket that listens on the port counts, not a connection to it")
    func listening() {
        #expect(Ports.listeningInodes(port: 8000, table: Self.table) == [10155])
        #expect(Ports.listeningInodes(port: 8001, table: Self.table) == [20311])
        #expect(Ports.listeningInodes(port: 8002, table: Self.table) == [])
    }

    @Test("an IPv6 address has colons only before the port")
    func ipv6() {
        let table = """
            header
               0: 00000000000000000000000001000000:1F40 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 77 1
            """
        #expect(Ports.listeningInodes(port: 8000, table: table) == [77])
    }

    @Test("a socket's inode is read from its link", arguments: [("socket:[123]", 123), ("pipe:[123]", nil), ("socket:[x]", nil), (nil, nil)])
    func links(link: String?, inode: UInt64?) {
        #expect(Ports.socketInode(link: link) == inode)
    }

    @Test("picked ports are different, and can be had unless somebody was faster")
    func picks() throws {
        let ports = try Ports.pick(3, host: "127.0.0.1")
        #expect(Set(ports).count == 3)
        for port in ports {
            // They were free a moment ago; a test beside this one may have been given one of them since.
            let availability = Ports.availability(host: "127.0.0.1", port: port)
            #expect(availability == .free || availability == .taken)
        }
    }

    @Test("an address that is not this machine's is refused with a reason")
    func foreignAddress() {
        guard case .refused = Ports.availability(host: "192.0.2.1", port: 8000) else {
            Issue.record("192.0.2.1 is set aside for documentation; nobody has it")
            return
        }
    }
}
