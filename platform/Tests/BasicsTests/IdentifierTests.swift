import Basics
import Testing

@Suite("Identifier")
struct IdentifierTests {
    @Test("a new one is version 7: its milliseconds first, then version, variant and random bits (RFC 9562, appendix A.6)")
    func layout() {
        let time = Timestamp(microseconds: 0x017F_22E2_79B0 * 1000)
        let id = Identifier(at: time, random: (0x0CC3, 0x18C4_DC0C_0C07_398F))
        #expect(id.description == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f")
    }

    @Test("random bits never touch time, version and variant")
    func bits() {
        let time = Timestamp(microseconds: 1_768_467_600_000_000)
        let ones = Identifier(at: time, random: (.max, .max)).description
        let zeros = Identifier(at: time, random: (0, 0)).description
        #expect(ones.prefix(13) == zeros.prefix(13))
        #expect(zeros.dropFirst(13) == "-7000-8000-000000000000")
        #expect(ones.dropFirst(13) == "-7fff-bfff-ffffffffffff")
    }

    @Test("identifiers sort by the millisecond they were made in, as values and as texts")
    func order() {
        var previous = Identifier(at: Timestamp(microseconds: 0), random: (.max, .max))
        for millisecond in stride(from: Int64(1), to: 5_000_000_000_000, by: 99_999_999_937) {
            let next = Identifier(at: Timestamp(microseconds: millisecond * 1000), random: (0, 0))
            #expect(previous < next)
            #expect(previous.description < next.description)
            previous = Identifier(at: Timestamp(microseconds: millisecond * 1000), random: (.max, .max))
        }
    }

    @Test("a text is read back, in upper case too")
    func reading() {
        let text = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
        #expect(Identifier(text)?.description == text)
        #expect(Identifier(text.uppercased())?.description == text)
        #expect(Identifier("ffffffff-ffff-ffff-ffff-ffffffffffff") == Identifier(high: .max, low: .max))
    }

    @Test(
        "what is no UUID is refused",
        arguments: [
            "", "017f22e279b07cc398c4dc0c0c07398f", "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}", "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
            "017f22e2-79b0-7cc3-98c4-dc0c0c07398ff",
            "017f22e2-79b0-7cc3-98c4-dc0c0c07398g", "017f22e2_79b0_7cc3_98c4_dc0c0c07398f", "017f22e27-9b0-7cc3-98c4-dc0c0c07398f",
            " 17f22e2-79b0-7cc3-98c4-dc0c0c07398f",
            "+17f22e2-79b0-7cc3-98c4-dc0c0c07398f", "０17f22e2-79b0-7cc3-98c4-dc0c0c0739",
        ])
    func refused(_ text: String) {
        #expect(Identifier(text) == nil)
    }

    @Test("the system's source gives different ones, of now")
    func system() {
        let before = Timestamp.now
        let ids = Set((0..<1000).map { _ in Sources.system.makeID() })
        #expect(ids.count == 1000)
        for id in ids { #expect(Int64(id.high >> 16) >= before.microseconds / 1000) }
    }
}
