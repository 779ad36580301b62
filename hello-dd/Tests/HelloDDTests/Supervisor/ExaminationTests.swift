import Basics
import Testing

@testable import HelloDD

struct ExaminationTests {
    @Test(
        "a disk is judged by what the shop writes",
        arguments: [(Int64(99_000_000), Finding.Verdict.wrong), (999_000_000, .doubtful), (1_000_000_000, .fine)])
    func disk(free: Int64, verdict: Finding.Verdict) {
        #expect(Examination.judge(freeBytes: free).verdict == verdict)
    }

    @Test(
        "a clock before the program or the data is wrong",
        arguments: [
            (Int64(1000), Int64(2000), Int64(0), Finding.Verdict.wrong), (1000, 500, 2000, .wrong), (1000, 1030, 1030, .fine),
            (3000, 1000, 2000, .fine),
        ])
    func clock(now: Int64, built: Int64, written: Int64, verdict: Finding.Verdict) {
        let finding = Examination.judge(clock: Timestamp(microseconds: now * 1_000_000), programBuilt: built, lastWritten: written)
        #expect(finding.verdict == verdict)
    }

    @Test("a taken port names its holder and the option that changes it")
    func port() {
        let finding = Examination.judge(.gateway, availability: .taken, holder: Ports.Holder(pid: 7, name: "python3"))
        #expect(finding.verdict == .wrong)
        #expect(
            finding.lines(style: .plain) == [
                "✗ port 8000 for api-gateway is taken by python3 (pid 7)", "    → stop it, or give `up` another: --gateway-port 0 picks a free one",
            ])
        #expect(Examination.judge(.gateway, availability: .free, holder: nil).verdict == .fine)
        #expect(Examination.judge(.console, availability: .taken, holder: nil).verdict == .doubtful)
    }

    @Test("few open files are doubtful")
    func openFiles() {
        #expect(Examination.judge(openFiles: 256).verdict == .doubtful)
        #expect(Examination.judge(openFiles: 1024).verdict == .fine)
    }

    @Test("a version is read from the member or taken whole")
    func version() {
        #expect(Examination.version(in: Array(#"{"service":"x","version":"1.2"}"#.utf8)) == "1.2")
        #expect(Examination.version(in: Array("1.3".utf8)) == "1.3")
    }

    @Test("the health page shows each dependency and what is wrong with it")
    func healthPage() {
        let body = """
            {"service":"api-gateway","version":"0.1.0","status":"degraded","state":"ready","uptimeSeconds":75,"dependencies":[
            {"name":"database","status":"up","milliseconds":0.21},{"name":"pricing","status":"down","detail":"nothing answers","milliseconds":1}]}
            """
        #expect(
            HealthPage.lines(Array(body.utf8), style: .plain) == [
                "version 0.1.0, ready, up for 1 min 15 s", "✓ database (0.21 ms)", "✗ pricing: nothing answers",
            ])
        #expect(HealthPage.lines(Array("no\u{1B}[2J".utf8), style: .plain) == ["not a health page: no^[[2J"])
        #expect(HealthPage.lines(nil, style: .plain) == ["no answer"])
    }

    @Test("executables of another version than this program are named")
    func versions() {
        let good = Examination.judge(versions: [.console: "1", .inventory: "1", .pricing: "1", .gateway: "1"], own: "1", folder: "bin")
        #expect(good == .fine("the services' executables are in bin, version 1"))
        let bad = Examination.judge(versions: [.console: "1", .inventory: "1", .pricing: "2"], own: "1", folder: "bin")
        #expect(bad.verdict == .wrong)
        #expect(bad.text == "this program is version 1, but in bin there is pricing-service 2, api-gateway that does not tell its version")
    }
}
