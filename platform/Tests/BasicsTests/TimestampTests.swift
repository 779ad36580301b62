import Basics
import Testing

@Suite("Timestamp")
struct TimestampTests {
    @Test(
        "the text form is RFC 3339 in UTC, with no, three or six digits of fraction",
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (1, "1970-01-01T00:00:00.000001Z"), (1000, "1970-01-01T00:00:00.001Z"), (-1, "1969-12-31T23:59:59.999999Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00Z"), (1_795_499_169_123_456, "2026-11-24T05:46:09.123456Z"),
            (4_107_542_399_000_000, "2100-02-28T23:59:59Z"), (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
            (-62_135_596_800_000_000, "0001-01-01T00:00:00Z"),
        ] as [(Int64, String)])
    func text(_ microseconds: Int64, _ text: String) {
        let time = Timestamp(microseconds: microseconds)
        #expect(time.description == text)
        #expect(Timestamp(text) == time)
    }

    @Test("days from year 1 to 9999 are read as they were written")
    func days() {
        // Every 241st: a prime, so that all days of the year come up.
        for day in stride(from: Int64(-719_162), through: 2_932_896, by: 241) {
            let time = Timestamp(microseconds: day * 86_400_000_000)
            #expect(Timestamp(time.description) == time)
        }
    }

    @Test(
        "offsets are taken off, and the fraction is cut at the microsecond",
        arguments: [
            ("2026-01-15T10:00:00+01:00", "2026-01-15T09:00:00Z"), ("2026-01-14T23:30:00-09:30", "2026-01-15T09:00:00Z"),
            ("2026-01-15T09:00:00-00:00", "2026-01-15T09:00:00Z"), ("2026-01-15t09:00:00z", "2026-01-15T09:00:00Z"),
            ("2026-01-15 09:00:00Z", "2026-01-15T09:00:00Z"), ("2026-01-15T09:00:00.5Z", "2026-01-15T09:00:00.500Z"),
            ("2026-01-15T09:00:00.123456789Z", "2026-01-15T09:00:00.123456Z"), ("2026-01-15T09:00:00.000000999Z", "2026-01-15T09:00:00Z"),
        ])
    func reading(_ given: String, _ expected: String) {
        #expect(Timestamp(given)?.description == expected)
    }

    @Test(
        "what is no time is refused",
        arguments: [
            "", "2026", "2026-01-15", "2026-01-15T09:00:00", "2026-01-15T09:00Z", "2026-1-15T09:00:00Z", "0000-01-01T00:00:00Z",
            "2026-00-15T09:00:00Z",
            "2026-13-15T09:00:00Z", "2026-01-00T09:00:00Z", "2026-01-32T09:00:00Z", "2026-02-29T09:00:00Z", "1900-02-29T09:00:00Z",
            "2026-04-31T09:00:00Z",
            "2026-01-15T24:00:00Z", "2026-01-15T09:60:00Z", "2026-01-15T09:00:60Z", "2026-01-15T09:00:00.Z", "2026-01-15T09:00:00.1234567890Z",
            "2026-01-15T09:00:00+24:00", "2026-01-15T09:00:00+01:60", "2026-01-15T09:00:00+0100", "2026-01-15T09:00:00+01", "2026-01-15T09:00:00ZZ",
            " 2026-01-15T09:00:00Z", "2026-01-15T09:00:00Z ", "+026-01-15T09:00:00Z", "２０２６-01-15T09:00:00Z", "2026-01-15T09:00:00Z\u{0}",
        ])
    func refused(_ text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test(
        "leap days are those of the Gregorian calendar",
        arguments: [(1600, true), (1700, false), (1900, false), (2000, true), (2024, true), (2026, false), (2100, false), (2400, true)])
    func leapDays(_ year: Int, _ isLeap: Bool) {
        #expect((Timestamp("\(year)-02-29T12:00:00Z") != nil) == isLeap)
    }

    @Test("adding and taking off a duration are each other's inverse, to the microsecond")
    func arithmetic() {
        let time = Timestamp(microseconds: 1_768_467_600_000_000)
        let later = time + .milliseconds(1500)
        #expect(later.description == "2026-01-15T09:00:01.500Z")
        #expect(later - .milliseconds(1500) == time)
        #expect(later - time == .milliseconds(1500))
        #expect(time < later)
    }

    @Test("a duration in microseconds is cut toward zero and saturates")
    func durations() {
        #expect(Duration.nanoseconds(1999).microseconds == 1)
        #expect(Duration.nanoseconds(-1999).microseconds == -1)
        #expect(Duration.seconds(-1.5).microseconds == -1_500_000)
        #expect(Duration.seconds(Int64.max).microseconds == .max)
        #expect(Duration.seconds(Int64.min).microseconds == .min)
        #expect(Duration.milliseconds(2500).milliseconds == 2500)
        #expect(Duration.milliseconds(2500).inSeconds == 2.5)
    }
}
