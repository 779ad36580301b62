import ServiceKit
import Testing

@Suite("Client address")
struct ClientAddressTests {
    private func client(_ peer: String, _ forwarded: [String], trusting proxies: String) throws -> String {
        let trusted = try #require(TrustedProxies(proxies))
        return trusted.client(peer: try #require(IPAddress(peer)), forwarded: forwarded).description
    }

    @Test("an address is the same in each of its spellings, and what is none is refused")
    func spelling() throws {
        #expect(IPAddress("::ffff:192.0.2.1") == IPAddress("192.0.2.1"))
        #expect(IPAddress("2001:DB8:0:0:0:0:0:1")?.description == "2001:db8::1")
        #expect(IPAddress("fe80::1%eth0")?.description == "fe80::1")
        for text in ["", "192.0.2", "192.0.2.256", "a.b.c.d", "2001:db8", "1.2.3.4.5", String(repeating: "1", count: 100)] {
            #expect(IPAddress(text) == nil, "\(text)")
        }
    }

    @Test("of IPv6 the first 64 bits count, since whoever has one of them has them all")
    func rateKey() throws {
        let (a, b, c) = (IPAddress("2001:db8::1"), IPAddress("2001:db8::ffff:2"), IPAddress("2001:db8:0:1::1"))
        #expect(a?.rateKey == b?.rateKey)
        #expect(a?.rateKey != c?.rateKey)
        #expect(IPAddress("192.0.2.1")?.rateKey != IPAddress("192.0.2.2")?.rateKey)
    }

    @Test("nobody's word is taken who is not trusted")
    func untrusted() throws {
        #expect(try client("192.0.2.1", ["10.9.9.9"], trusting: "10.0.0.0/8") == "192.0.2.1")
        #expect(TrustedProxies.none.client(peer: IPAddress("10.0.0.1")!, forwarded: ["1.1.1.1"]).description == "10.0.0.1")
    }

    @Test("behind trusted proxies it is the last address that is not one of them, whatever the client wrote before it")
    func chain() throws {
        let proxies = "10.0.0.0/8, 2001:db8:1::/48"
        #expect(try client("10.0.0.1", ["198.51.100.7"], trusting: proxies) == "198.51.100.7")
        #expect(try client("10.0.0.1", ["6.6.6.6, 198.51.100.7, 10.0.0.2"], trusting: proxies) == "198.51.100.7")
        #expect(try client("10.0.0.1", ["6.6.6.6", "198.51.100.7", "10.0.0.2"], trusting: proxies) == "198.51.100.7")
        #expect(try client("2001:db8:1::5", ["198.51.100.7:4711"], trusting: proxies) == "198.51.100.7")
        #expect(try client("10.0.0.1", ["[2001:db8::9]:4711"], trusting: proxies) == "2001:db8::9")
        #expect(try client("10.0.0.1", ["2001:db8::9"], trusting: proxies) == "2001:db8::9")
    }

    @Test("what cannot be read ends the walk at whoever sent it")
    func unreadable() throws {
        #expect(try client("10.0.0.1", ["198.51.100.7, unknown"], trusting: "10.0.0.0/8") == "10.0.0.1")
        #expect(try client("10.0.0.1", ["198.51.100.7, , 10.0.0.2"], trusting: "10.0.0.0/8") == "10.0.0.2")
        #expect(try client("10.0.0.1", [""], trusting: "10.0.0.0/8") == "10.0.0.1")
    }

    @Test("networks end in the middle of a byte, too")
    func networks() throws {
        let trusted = try #require(TrustedProxies("10.1.16.0/20,192.0.2.7,0.0.0.0/32"))
        #expect(trusted.contains(IPAddress("10.1.31.255")!))
        #expect(!trusted.contains(IPAddress("10.1.32.0")!))
        #expect(trusted.contains(IPAddress("192.0.2.7")!))
        #expect(!trusted.contains(IPAddress("192.0.2.8")!))
        #expect(TrustedProxies("0.0.0.0/0")?.contains(IPAddress("203.0.113.1")!) == true)
        #expect(TrustedProxies("0.0.0.0/0")?.contains(IPAddress("2001:db8::1")!) == false)
        for text in ["10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "proxy", "10.0.0.1/8/8"] { #expect(TrustedProxies(text) == nil, "\(text)") }
    }
}
