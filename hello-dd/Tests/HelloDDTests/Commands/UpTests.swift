import Foundation
import TestKit
import Testing

@testable import HelloDD

/// The program itself, with services that are small scripts: real processes, real signals, real ports.
@Suite(.serialized)
struct UpTests {
    /// The program beside the tests.
    private static let program = URL(filePath: Environment.executable).deletingLastPathComponent().appending(path: "hello-dd").path()

    /// A folder with three fake services, and the data below it.
    private final class Shop {
        let folder: String
        var data: String { "\(folder)/data" }
        var binaries: String { "\(folder)/bin" }

        init() throws {
            folder = try Files.makeTemporaryFolder()
            try Files.makeFolder("\(folder)/bin")
            for service in Service.allCases {
                let path = "\(folder)/bin/\(service.name)"
                // Written by another process: a child that another test forks in that moment would hold the file open for writing,
                // and such a file cannot be run ("text file busy").
                let written = try runCommandBlocking(
                    "/bin/sh", ["-c", #"printf %s "$SCRIPT" > "$0" && chmod 755 "$0""#, path], environment: ["SCRIPT": Self.script])
                #expect(written.code == 0, "\(written.errors)")
            }
        }

        deinit { Files.removeTree(folder) }

        /// Ready at once, or ends with the exit code in `FAIL_PRICING`; ends when its supervisor does.
        static let script = #"""
            #!/usr/bin/env python3
            import http.server, os, signal, sys, threading
            name = os.path.basename(sys.argv[0])
            code = os.environ.get('FAIL_' + name.split('-')[0].upper())
            if code:
                print('HTTP_PORT is not a number', flush=True)
                sys.exit(int(code))
            def watch():
                os.read(int(os.environ['SUPERVISOR_FD']), 1)
                os._exit(0)
            threading.Thread(target=watch, daemon=True).start()
            class Handler(http.server.BaseHTTPRequestHandler):
                def do_GET(self):
                    self.send_response(200)
                    self.send_header('content-length', '2')
                    self.end_headers()
                    self.wfile.write(b'{}')
                def log_message(self, *arguments): pass
            signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
            server = http.server.ThreadingHTTPServer((os.environ['HTTP_HOST'], int(os.environ['HTTP_PORT'])), Handler)
            print(name, 'is here', flush=True)
            server.serve_forever()
            """#

        func run(_ arguments: [String], environment: [String: String] = [:]) async throws -> CommandResult {
            try await runCommand(UpTests.program, arguments, environment: environment)
        }

        func up(_ more: String..., environment: [String: String] = [:]) async throws -> CommandResult {
            let ports = ["--gateway-port", "0", "--inventory-port", "0", "--pricing-port", "0"]
            return try await run(["up", "--detach", "--data", data, "--bin", binaries] + ports + more, environment: environment)
        }

        func status() async throws -> StatusReport {
            try await JSONDecoder().decode(StatusReport.self, from: Data(run(["status", "--json", "--data", data]).output.utf8))
        }

        func down() async throws { #expect(try await run(["down", "--data", data]).code == 0) }

        /// Asks for the status until it is as wanted, for a minute.
        func waitUntil(_ what: String, _ isSo: (StatusReport) -> Bool) async throws {
            for _ in 0..<600 {
                if isSo(try await status()) { return }
                try await Task.sleep(for: .milliseconds(100))
            }
            Issue.record("not within a minute: \(what)")
        }
    }

    @Test("up, status, a second up, a crash, down, down again")
    func life() async throws {
        let shop = try Shop()
        let up = try await shop.up()
        #expect(up.code == 0, "\(up.errors)")
        #expect(up.output.contains("hello-dd is up: 3 services"))

        let status = try await shop.status()
        #expect(status.ready)
        #expect(status.services.allSatisfy { $0.state == "ready" && $0.restarts == 0 && ($0.residentBytes ?? 0) > 0 })

        let second = try await shop.up()
        #expect(second.code == 1)
        #expect(second.errors.hasPrefix("Error: already running (pid \(status.supervisorPid ?? 0));"))
        #expect(second.errors.split(separator: "\n").count == 1)

        #expect(try await shop.run(["health", "--data", shop.data]).code == 0)
        kill(try #require(status.services.first { $0.service == .pricing }?.pid), SIGKILL)
        try await shop.waitUntil("pricing is back") { report in
            report.ready && report.services.contains { $0.service == .pricing && $0.restarts == 1 }
        }
        let logs = try await shop.run(["logs", "pricing", "--data", shop.data])
        #expect(logs.output == "pricing-service is here\npricing-service is here\n")

        let down = try await shop.run(["down", "--data", shop.data])
        #expect(down.code == 0)
        #expect(down.output.hasPrefix("api-gateway stopped\n"))
        #expect(try await shop.status().running == false)
        let again = try await shop.run(["down", "--data", shop.data])
        #expect(again.code == 0)
        #expect(again.output == "not running\n")
    }

    @Test("a service with a bad configuration ends the start, in the foreground and in the background, with its last line")
    func badConfiguration() async throws {
        let shop = try Shop()
        let background = try await shop.up(environment: ["FAIL_PRICING": "78"])
        #expect(background.code == 1)
        #expect(background.errors.contains("bad configuration"))
        #expect(background.errors.contains("HTTP_PORT is not a number"))
        let foreground = try await shop.run(
            ["up", "--ephemeral", "--inventory-port", "0", "--pricing-port", "0", "--gateway-port", "0", "--bin", shop.binaries],
            environment: ["FAIL_PRICING": "78"])
        #expect(foreground.code == 1)
        #expect(foreground.output.contains("HTTP_PORT is not a number"))
        #expect(try await shop.status().running == false)
    }

    @Test("services do not outlive a killed supervisor, and the next up finds the way free")
    func killedSupervisor() async throws {
        let shop = try Shop()
        #expect(try await shop.up().code == 0)
        let status = try await shop.status()
        kill(try #require(status.supervisorPid), SIGKILL)
        let pids = status.services.compactMap(\.pid)
        #expect(pids.count == 3)
        for _ in 0..<100 where pids.contains(where: { ProcessIdentity(of: $0) != nil }) { try await Task.sleep(for: .milliseconds(50)) }
        #expect(pids.allSatisfy { ProcessIdentity(of: $0) == nil })
        let next = try await shop.up()
        #expect(next.code == 0, "\(next.errors)")
        try await shop.down()
    }

    @Test("a taken port is one line with its holder and the option that changes it")
    func takenPort() async throws {
        let shop = try Shop()
        #expect(try await shop.up("inventory").code == 0)
        let port = try #require(try await shop.status().services.first?.port)
        let other = try await shop.run(["up", "pricing", "--pricing-port", "\(port)", "--data", "\(shop.folder)/other", "--bin", shop.binaries])
        #expect(other.code == 1)
        #expect(other.errors.hasPrefix("Error: port \(port) of pricing-service is taken by"))
        #expect(other.errors.contains("--pricing-port"))
        #expect(other.errors.split(separator: "\n").count == 1)
        try await shop.down()
    }

    @Test("a data folder that cannot be made is one line")
    func badFolder() async throws {
        let shop = try Shop()
        let result = try await shop.run(["up", "--data", "\(shop.binaries)/api-gateway/x", "--bin", shop.binaries])
        #expect(result.code == 1)
        #expect(result.errors.hasPrefix("Error: cannot create the folder"))
        #expect(result.errors.split(separator: "\n").count == 1)
    }
}
