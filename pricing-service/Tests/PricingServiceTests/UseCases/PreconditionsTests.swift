import HTTPPath
import Testing

@testable import PricingService

@Suite struct PreconditionsTests {
    @Test(
        "a reader who has the representation need not get it again",
        arguments: [
            (nil, false), ("*", true), (#""3-1-USD-0""#, true), (#"W/"3-1-USD-0""#, true), (#""x", "3-1-USD-0""#, true), (#""3-1-EUR-1""#, false),
            (#""3""#, false),
        ] as [(String?, Bool)])
    func reading(header: String?, current: Bool) throws {
        #expect(try Preconditions(ifMatch: nil, ifNoneMatch: header).isCurrent(#""3-1-USD-0""#) == current)
    }

    private func status(_ ifMatch: String?, _ ifNoneMatch: String?, version: Int64?, required: Bool = true) throws -> Int? {
        do throws(Problem) {
            try Preconditions(ifMatch: ifMatch, ifNoneMatch: ifNoneMatch).checkChange(of: version, required: required)
            return nil
        } catch {
            return error.status
        }
    }

    @Test("a change of what exists needs the version it was read in")
    func changing() throws {
        #expect(try status(nil, nil, version: 3) == 428)
        #expect(try status(nil, nil, version: 3, required: false) == nil)
        #expect(try status(#""3""#, nil, version: 3) == nil)
        #expect(try status(#""3-1-EUR-2""#, nil, version: 3) == nil)
        #expect(try status(#""1", "3""#, nil, version: 3) == nil)
        #expect(try status("*", nil, version: 3) == nil)
        #expect(try status(#""2""#, nil, version: 3) == 412)
        #expect(try status(#"W/"3""#, nil, version: 3) == 412)
        #expect(try status(#""""#, nil, version: 3) == 412)
    }

    @Test("what is new needs none, and is not there for who says it is")
    func making() throws {
        #expect(try status(nil, nil, version: nil) == nil)
        #expect(try status(nil, "*", version: nil) == nil)
        #expect(try status("*", nil, version: nil) == 412)
        #expect(try status(#""1""#, nil, version: nil) == 412)
        #expect(try status(nil, "*", version: 3) == 412)
        #expect(try status(nil, #""3""#, version: 3) == 412)
        // Saying what it is not does not say what it is.
        #expect(try status(nil, #""2""#, version: 3) == 428)
    }

    @Test("what is no list of entity tags is refused", arguments: ["", "3", "\"3", "3\"", "\"3\",", "*, \"3\"", "W/3"])
    func malformed(header: String) {
        #expect(throws: Problem.self) { try Preconditions(ifMatch: header, ifNoneMatch: nil) }
        #expect(throws: Problem.self) { try Preconditions(ifMatch: nil, ifNoneMatch: header) }
    }
}
