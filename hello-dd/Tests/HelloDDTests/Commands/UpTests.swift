import Foundation
import TestKit
import Testing

@testable import HelloDD

/// The program itself, with services that are small scripts: real processes, real signals, real ports.
@Suite(.serialized)
struct UpTests {
    @Test("up, status, a second up, a crash, down, down again")
    func life() async throws {
        let shop = try FakeShop()
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
        #expect(logs.output == String(repeating: "telemetry goes to nowhere\npricing-service is here\n", count: 2))

        let down = try await shop.run(["down", "--data", shop.data])
        #expect(down.code == 0)
        #expect(down.output.hasPrefix("api-gateway stopped\n"))
        #expect(try await shop.status().running == false)
        let again = try await shop.run(["down", "--data", shop.data])
        #expect(again.code == 0)
        #expect(again.output == "not running\n")
    }

    @Test("the console comes with the shop: the services are told where it receives, and it stops last")
    func console() async throws {
        let shop = try FakeShop()
        let up = try await shop.up(console: ["--console-port", "0", "--otlp-port", "0"])
        #expect(up.code == 0, "\(up.errors)")
        #expect(up.output.contains("hello-dd is up: 4 services"))
        let status = try await shop.status()
        let console = try #require(status.console)
        #expect(status.services.count == 4 && status.ready)
        #expect(up.output.contains("traces     \(console.url)"))
        for service in ["inventory", "pricing", "gateway"] {
            let logs = try await shop.run(["logs", service, "--data", shop.data])
            #expect(logs.output.hasPrefix("telemetry goes to \(console.otlpEndpoint)\n"))
        }
        let down = try await shop.run(["down", "--data", shop.data])
        let stopped = down.output.split(separator: "\n").filter { $0.hasSuffix(" stopped") }
        #expect(stopped.first == "api-gateway stopped" && stopped.last == "console stopped")
    }

    @Test("telemetry that the environment sends elsewhere goes there, and the console stays out of it")
    func ownCollector() async throws {
        let shop = try FakeShop()
        let up = try await shop.up(console: [], ["inventory"], environment: ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"])
        #expect(up.code == 0, "\(up.errors)")
        #expect(up.output.contains("telemetry goes to http://collector:4318, as OTEL_EXPORTER_OTLP_ENDPOINT says; the console is not started"))
        #expect(try await shop.status().console == nil)
        let logs = try await shop.run(["logs", "inventory", "--data", shop.data])
        #expect(logs.output.hasPrefix("telemetry goes to http://collector:4318\n"))
        try await shop.down()
    }

    @Test("a service with a bad configuration ends the start, in the foreground and in the background, with its last line")
    func badConfiguration() async throws {
        let shop = try FakeShop()
        let background = try await shop.up(environment: ["FAIL_PRICING": "78"])
        #expect(background.code == 1)
        #expect(background.errors.contains("bad configuration"))
        #expect(background.errors.contains("HTTP_PORT is not a number"))
        let foreground = try await shop.run(
            ["up", "--ephemeral", "--no-console", "--inventory-port", "0", "--pricing-port", "0", "--gateway-port", "0", "--bin", shop.binaries],
            environment: ["FAIL_PRICING": "78"])
        #expect(foreground.code == 1)
        #expect(foreground.output.contains("HTTP_PORT is not a number"))
        #expect(try await shop.status().running == false)
    }

    @Test("services do not outlive a killed supervisor, and the next up finds the way free")
    func killedSupervisor() async throws {
        let shop = try FakeShop()
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
        let shop = try FakeShop()
        #expect(try await shop.up("inventory").code == 0)
        let port = try #require(try await shop.status().services.first?.port)
        let other = try await shop.run([
            "up", "pricing", "--no-console", "--pricing-port", "\(port)", "--data", "\(shop.folder)/other", "--bin", shop.binaries,
        ])
        #expect(other.code == 1)
        #expect(other.errors.hasPrefix("Error: port \(port) of pricing-service is taken by"))
        #expect(other.errors.contains("--pricing-port"))
        #expect(other.errors.split(separator: "\n").count == 1)
        try await shop.down()
    }

    @Test("a data folder that cannot be made is one line")
    func badFolder() async throws {
        let shop = try FakeShop()
        let result = try await shop.run(["up", "--data", "\(shop.binaries)/api-gateway/x", "--bin", shop.binaries])
        #expect(result.code == 1)
        #expect(result.errors.hasPrefix("Error: cannot create the folder"))
        #expect(result.errors.split(separator: "\n").count == 1)
    }
}
