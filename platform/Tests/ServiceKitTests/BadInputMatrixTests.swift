import HTTPPath
import HTTPTypes
import ServiceKit
import TestKit
import Testing

@Suite("The matrix of bad input")
struct BadInputMatrixTests {
    static let body: JSON = ["label": "books", "grams": 900, "size": "small", "tags": ["shelf": "A 1"]]

    /// The table of the parcel service.
    @Sendable static func table(_ service: RunningService) async throws -> [RouteExample] {
        let made = try await service.client.post("/api/v1/parcels", json: body, as: .operator)
        let id = made.json["id"]?.string ?? ""
        return [
            RouteExample("GET /api/v1/parcels", query: ["size": "small", "limit": "2"]),
            RouteExample("POST /api/v1/parcels", headers: [.idempotencyKey: "k-1"], body: body, caller: .operator),
            RouteExample("GET /api/v1/parcels/{id}", path: ["id": id]),
            RouteExample("PUT /api/v1/parcels/{id}", path: ["id": id], headers: [.ifMatch: "\"1\""], body: body, caller: .operator),
            RouteExample("DELETE /api/v1/parcels/{id}", path: ["id": id], caller: .operator),
        ]
    }

    @Test("a service that keeps the conventions has no finding, and every cell of every route is accounted for")
    func soundService() async throws {
        let report = try await checkBadInput(ParcelService().definition, examples: Self.table)
        #expect(report.cells.count == ParcelService.access.count * BadInputCell.allCases.count)
        #expect(report.requests > 200)
    }

    private func findings(
        _ defect: ParcelService.Defect? = nil, table: @escaping @Sendable (RunningService) async throws -> [RouteExample] = table
    ) async throws -> [String] {
        try await badInputReport { use in
            try await withService(ParcelService(defect: defect).definition, settings: badInputSettings, store: .files) { service in
                try await use(BadInputTarget(service, examples: try await table(service)))
            }
        }.findings
    }

    @Test(
        "each defect is found",
        arguments: [
            (ParcelService.Defect.trustsTheType, "POST /api/v1/parcels, wrongType, a string at /grams: status 500"),
            (.writesFirst, "rows changed in parcel-service/parcels.sqlite/parcels"),
            (.unboundedText, "POST /api/v1/parcels, overLong, 20001 characters at /label: status 201"),
            (.looseQuery, "GET /api/v1/parcels, unknownQuery, an unknown parameter: status 200"),
            (.extraRoute, "GET /api/v1/forgotten: no row in the table of bad input"),
            (.optionalField, "POST /api/v1/parcels, missingField, without /grams: status 201"),
        ])
    func defect(_ defect: ParcelService.Defect, _ expected: String) async throws {
        let findings = try await findings(defect)
        #expect(findings.contains { $0.contains(expected) }, "\(findings)")
    }

    @Test("a cell left out without a reason, or for nothing, is found")
    func excuses() async throws {
        let findings = try await findings { service in
            var table = try await Self.table(service)
            table[0].leftOut = [.init(.overLong, "because")]
            table[2].leftOut = [.init(.malformedJSON, "there is no body to spoil")]
            return table
        }
        #expect(
            findings == [
                "GET /api/v1/parcels: overLong is left out without a reason",
                "GET /api/v1/parcels/{id}: malformedJSON is left out and would not be tried anyway",
            ])
    }

    @Test("an example that does not work, lacks a documented field, or has no route is found")
    func badExamples() async throws {
        let findings = try await findings { service in
            var table = try await Self.table(service)
            table[1].body = .json(Self.body.with("tags", nil))
            table[4].path = ["id": "00000000-0000-7000-8000-000000000000"]
            table.append(RouteExample("GET /api/v1/nowhere"))
            return table
        }
        #expect(findings.contains("POST /api/v1/parcels: the example lacks the field /tags"))
        #expect(findings.contains { $0.hasPrefix("DELETE /api/v1/parcels/{id}: the unspoilt example is answered 404") })
        #expect(findings.contains("GET /api/v1/nowhere: the table has a row for it, and the service has no such route"))
    }
}
