import Testing

@testable import HelloDD

struct PlanTests {
    private func plan(_ services: Set<Service> = Set(Service.allCases)) -> Plan {
        Plan(services: services, folder: RunFolder(path: "data"), dataDirectory: "/srv/data", binaries: "/bin")
    }

    @Test("a service is told its port, its folder, its keys and its neighbours")
    func environment() {
        var plan = plan()
        plan.ports[.pricing] = 9002
        let environment = plan.environment(of: .gateway, inherited: ["PATH": "/bin", "HTTP_PORT": "1"])
        #expect(environment["PATH"] == "/bin")
        #expect(environment["HTTP_PORT"] == "8000")
        #expect(environment["HTTP_HOST"] == "127.0.0.1")
        #expect(environment["DATA_DIR"] == "/srv/data")
        #expect(environment["KEYS_DIR"] == "/srv/data/keys")
        #expect(environment["INVENTORY_SERVICE_URL"] == "http://127.0.0.1:8001")
        #expect(environment["PRICING_SERVICE_URL"] == "http://127.0.0.1:9002")
        #expect(environment["SEED_CATALOGUE"] == "true")
        #expect(environment["LOG_FORMAT"] == "pretty")
        #expect(environment["LOG_LEVEL"] == nil)
        #expect(environment["SUPERVISOR_FD"] == "3")
    }

    @Test("the services are told where the console receives, and the console keeps to itself")
    func telemetry() {
        var plan = plan()
        plan.host = "0.0.0.0"
        plan.apply(ConsoleChoice(ports: .init(page: 9090, receiver: 9318), endpoint: "http://127.0.0.1:9318"))
        let gateway = plan.environment(of: .gateway, inherited: [:])
        #expect(gateway["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:9318")
        #expect(gateway["OTEL_BSP_SCHEDULE_DELAY"] == "1000")
        #expect(plan.environment(of: .gateway, inherited: ["OTEL_BSP_SCHEDULE_DELAY": "9"])["OTEL_BSP_SCHEDULE_DELAY"] == "9")
        #expect(gateway["HTTP_HOST"] == "0.0.0.0")
        let console = plan.environment(of: .console, inherited: [:])
        #expect(console["OTEL_EXPORTER_OTLP_ENDPOINT"] == nil)
        #expect(console["HTTP_HOST"] == "127.0.0.1")
        #expect(console["HTTP_PORT"] == "9090")
        #expect(console["CONSOLE_OTLP_PORT"] == "9318")
        #expect(console["LOG_LEVEL"] == "warning")
        #expect(plan.environment(of: .console, inherited: ["LOG_LEVEL": "debug"])["LOG_LEVEL"] == "debug")
        #expect(plan.url(of: .console) == "http://127.0.0.1:9090")
    }

    @Test("a neighbour that is not started here may be elsewhere")
    func remoteNeighbour() {
        let environment = plan([.gateway]).environment(of: .gateway, inherited: ["PRICING_SERVICE_URL": "http://elsewhere"])
        #expect(environment["PRICING_SERVICE_URL"] == "http://elsewhere")
        #expect(environment["INVENTORY_SERVICE_URL"] == "http://127.0.0.1:8001")
    }

    @Test("what the user set stays, unless an option says otherwise")
    func inherited() {
        var plan = plan()
        let inherited = ["LOG_FORMAT": "json", "LOG_LEVEL": "error", "SEED_CATALOGUE": "false"]
        #expect(plan.environment(of: .pricing, inherited: inherited)["SEED_CATALOGUE"] == "false")
        #expect(plan.environment(of: .pricing, inherited: inherited)["FAULTS_ENABLED"] == "true")
        #expect(plan.environment(of: .pricing, inherited: ["FAULTS_ENABLED": "false"])["FAULTS_ENABLED"] == "false")
        #expect(plan.environment(of: .pricing, inherited: inherited)["LOG_FORMAT"] == "json")
        plan.logLevel = "debug"
        #expect(plan.environment(of: .pricing, inherited: inherited)["LOG_LEVEL"] == "debug")
    }

    @Test(
        "services that listen everywhere are reached here",
        arguments: [("0.0.0.0", "http://127.0.0.1:8000"), ("::", "http://[::1]:8000"), ("10.0.0.1", "http://10.0.0.1:8000")])
    func wildcard(host: String, url: String) {
        var plan = plan()
        plan.host = host
        #expect(plan.url(of: .gateway) == url)
    }

    @Test("the banner names what to open, what to type and how to stop, with the folder if it is not the usual one")
    func banner() {
        let text = Banner.lines(for: plan(), after: .milliseconds(412), command: "hello-dd", isDetached: false, style: .plain).joined(separator: "\n")
        #expect(
            text == """

                hello-dd is up: 4 services ready in 0.41 s

                  products   http://127.0.0.1:8000/api/v1/products
                  docs       http://127.0.0.1:8000/docs
                  try        curl 'http://127.0.0.1:8000/api/v1/products?limit=3'
                  traces     http://127.0.0.1:8090
                  token      hello-dd token --role operator --data data
                  logs       hello-dd logs -f --data data
                  stop       Ctrl-C here, or hello-dd down --data data

                """)
    }

    @Test("a service is told its own database only, whatever the environment names")
    func databases() {
        var plan = plan()
        plan.databases = [.inventory: "postgres://inventory:p@db/inventory"]
        let inherited = ["DATABASE_URL": "sqlite:x"]
        #expect(plan.environment(of: .inventory, inherited: inherited)["DATABASE_URL"] == "postgres://inventory:p@db/inventory")
        #expect(plan.environment(of: .pricing, inherited: [:])["DATABASE_URL"] == nil)
        plan.databasePlace = "db:5432"
        let lines = Banner.lines(for: plan, after: .seconds(1), command: "hello-dd", isDetached: false, style: .plain)
        #expect(lines.contains("  database   PostgreSQL at db:5432"))
        #expect(lines.contains("  psql       hello-dd psql inventory --data data"))
    }

    @Test("those that use Redis are told where the shop's own is, above what the environment names; without it the environment counts")
    func redis() {
        var plan = plan()
        #expect(plan.environment(of: .pricing, inherited: ["REDIS_URL": "redis://other"])["REDIS_URL"] == "redis://other")
        plan.redis = "redis://:p@127.0.0.1:7000"
        #expect(plan.environment(of: .pricing, inherited: [:])["REDIS_URL"] == "redis://:p@127.0.0.1:7000")
        #expect(plan.environment(of: .gateway, inherited: [:])["REDIS_URL"] == "redis://:p@127.0.0.1:7000")
        #expect(plan.environment(of: .inventory, inherited: [:])["REDIS_URL"] == nil)
        plan.redisPlace = "127.0.0.1:7000"
        let lines = Banner.lines(for: plan, after: .seconds(1), command: "hello-dd", isDetached: false, style: .plain)
        #expect(lines.contains("  cache      Redis at 127.0.0.1:7000"))
    }

    @Test("the banner of one service has no products")
    func smallBanner() {
        let lines = Banner.lines(for: plan([.inventory]), after: .seconds(1), command: "hello-dd", isDetached: true, style: .plain)
        #expect(lines.contains("hello-dd is up: 1 service ready in 1 s"))
        #expect(lines.contains("  inventory  http://127.0.0.1:8001/docs"))
        #expect(lines.contains("  stop       hello-dd down --data data"))
        #expect(!lines.contains { $0.contains("products") })
    }
}
