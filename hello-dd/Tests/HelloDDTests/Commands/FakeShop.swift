import Foundation
import TestKit
import Testing

@testable import HelloDD

/// A folder with four fake services, and the data below it: the program itself is real.
final class FakeShop: Sendable {
    /// The program beside the tests.
    static let program = URL(filePath: Environment.executable).deletingLastPathComponent().appending(path: "hello-dd").path()

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
        if name == 'console':
            receiver = http.server.ThreadingHTTPServer(('127.0.0.1', int(os.environ['CONSOLE_OTLP_PORT'])), Handler)
            threading.Thread(target=receiver.serve_forever, daemon=True).start()
        else:
            print('telemetry goes to', os.environ.get('OTEL_EXPORTER_OTLP_ENDPOINT', 'nowhere'), flush=True)
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        server = http.server.ThreadingHTTPServer((os.environ['HTTP_HOST'], int(os.environ['HTTP_PORT'])), Handler)
        print(name, 'is here', flush=True)
        server.serve_forever()
        """#

    func run(_ arguments: [String], environment: [String: String] = [:]) async throws -> CommandResult {
        try await runCommand(Self.program, arguments, environment: environment)
    }

    /// The three services of the shop. The console is for those tests that are about it: its usual ports may be somebody's.
    func up(_ more: String..., environment: [String: String] = [:]) async throws -> CommandResult {
        try await up(console: ["--no-console"], more, environment: environment)
    }

    func up(console: [String], _ more: [String] = [], environment: [String: String] = [:]) async throws -> CommandResult {
        let ports = ["--gateway-port", "0", "--inventory-port", "0", "--pricing-port", "0"]
        return try await run(["up", "--detach", "--data", data, "--bin", binaries] + ports + console + more, environment: environment)
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
