import Basics
import Testing

@testable import HelloDD

struct ExaminationTests {
    @Test("a disk is judged by what the shop writes", arguments: [(Int64(99_000_000), Finding.Verdict.wrong), (999_000_000, .doubtful), (1_000_000_000, .fine)])
    func disk(free: Int64, verdict: Finding.Verdict) {
        #expect(Examination.judge(freeBytes: free).verdict == verdict)
    }

    @Test("a clock before the program or the data is wrong", arguments: [
        (Int64(1000), Int64(2000), Int64(0), Finding.Verdict.wrong), (1000, 500, 2000, .wrong), (1000, 1030, 1030, .fine), (3000, 1000, 2000, .fine),
    ])
    func clock(now: Int64, built: Int64, written: Int64, verdict: Finding.Verdict) {
        let finding = Examination.judge(clock: Timestamp(microseconds: now * 1_000_000), programBuilt: built, lastWritten: written)
        #expect(finding.verdict == verdict)
    }

    @Test("a taken port names its holder and the option that changes it")
    func port() {
        let finding = Examination.judge(.gateway, availability: .taken, holder: Ports.Holder(pid: 7, name: "python3"))
        #expect(finding.verdict == .wrong)
        #expect(finding.lines(style: .plain) == [
            "✗ port 8000 for api-gateway is taken by python3 (pid 7)", "    → stop it, or give `up` another: --gateway-port 0 picks a free one",
        ])
        #expect(Examination.judge(.gateway, availability: .free, holder: nil).verdict == .fine)
    }

    @Test("executables a week apart were not built together")
    func builds() {
        #expect(Examination.judge(built: [0, 6 * 86_400]) == nil)
        #expect(Examination.judge(built: [0, 9 * 86_400])?.verdict == .doubtful)
        #expect(Examination.judge(built: []) == nil)
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

    @Test("a health page of any shape is shown as lines")
    func healthPage() {
        let body = Array(#"{"status":"ok","dependencies":{"sqlite":{"up":true,"ms":2}},"list":["a",null,1.5]}"#.utf8)
        #expect(HealthPage.lines(body, style: .plain) == [
            "dependencies:", "  sqlite:", "    ms: 2", "    up: yes", "list:", "  a", "  -", "  1.5", "status: ok",
        ])
        #expect(HealthPage.lines(Array("not json\u{1B}[2J".utf8), style: .plain) == ["not json^[[2J"])
        #expect(HealthPage.lines(nil, style: .plain) == ["no answer"])
    }
}
