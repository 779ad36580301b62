import Basics
import Database
import HTTPPath
import HTTPTypes
import Hummingbird
import ServiceKit

/// A small service with one of everything: what the tests of this folder run.
struct ParcelService {
    /// Defects that the matrix of bad input must find.
    enum Defect: Sendable {
        /// A field is read in a way that fails with 500 on another type.
        case trustsTheType
        /// A row is written before the input is known to be good.
        case writesFirst
        /// A field's length is not bounded.
        case unboundedText
        /// An unknown parameter is ignored.
        case looseQuery
        /// A route that the table does not know.
        case extraRoute
        /// A required field that the service does without.
        case optionalField
    }

    var defect: Defect?

    enum Size: String, CaseIterable { case small, large }

    static let access: AccessTable = Routes.standardAccess.merging([
        "GET /api/v1/parcels": .anyone, "POST /api/v1/parcels": .operator, "GET /api/v1/parcels/{id}": .anyone,
        "PUT /api/v1/parcels/{id}": [.operator, .member], "DELETE /api/v1/parcels/{id}": .operator,
    ]) { $1 }

    var definition: ServiceDefinition {
        let defect = defect
        return ServiceDefinition(name: "parcel-service", port: 8099) { boot in
            let database = try await openDatabase(boot, defaultFile: "parcels.sqlite")
            try await migrate(database, [Self.migration])
            var access = Self.access
            if defect == .extraRoute { access["GET /api/v1/forgotten"] = .anyone }
            let routes = Routes(access: access)
            Self.register(on: routes, database, boot, defect)
            let keys = LocalKeys(folder: try boot.settings(ServiceSettings.keysDirectory))
            return try ServiceParts(
                routes: routes, boot: boot, openAPI: Array(parcelDocument.utf8),
                authorizer: try await Authorizer(
                    jwks: keys.jwks(.users), issuer: try boot.settings(ServiceSettings.issuer), audience: boot.service, roles: [.member, .operator],
                    sources: boot.sources),
                health: [.database(database)],
                close: { await database.shutdown() })
        }
    }

    static let migration = Migration(
        version: 1, name: "parcels",
        sqlite: """
            CREATE TABLE parcels (id TEXT PRIMARY KEY, label TEXT NOT NULL, grams INTEGER NOT NULL, size TEXT NOT NULL, version INTEGER NOT NULL);
            """ + Idempotency.migration,
        postgres: """
            CREATE TABLE parcels (id uuid PRIMARY KEY, label text NOT NULL, grams bigint NOT NULL, size text NOT NULL, version bigint NOT NULL);
            """ + Idempotency.postgresMigration)

    struct Parcel: JSONWritable {
        var id: Identifier
        var label: String
        var grams: Int64
        var size: String
        var version: Int64

        init(row: Row) throws {
            id = try row.decode("id")
            label = try row.decode("label")
            grams = try row.decode("grams")
            size = try row.decode("size")
            version = try row.decode("version")
        }

        func write(to json: inout JSONWriter) {
            json.object {
                $0.field("id", id)
                $0.field("label", label)
                $0.field("grams", grams)
                $0.field("size", size)
                $0.field("version", version)
            }
        }
    }

    struct Input {
        var label: String
        var grams: Int64
        var size: Size

        init(_ fields: Fields, _ defect: Defect?) {
            label = defect == .unboundedText ? fields.string("label", 1...10_000_000) : fields.string("label", 1...100)
            grams = defect == .optionalField ? fields.optionalInteger("grams", 1...30_000) ?? 1 : fields.integer("grams", 1...30_000)
            size = fields.choice("size")
            _ = fields.optionalDictionary("tags", 0...10)
        }
    }

    struct Broken: Error {}

    private static func register(on routes: Routes, _ database: any Database, _ boot: Boot, _ defect: Defect?) {
        routes.on("GET /api/v1/parcels") { request, _ in
            if defect == .looseQuery { return .json(Page<JSON>(items: [], nextCursor: nil)) }
            let (size, page) = try request.query { query in (query.choice("size", Size.self), query.page()) }
            let after = page.cursor?.parts.first ?? ""
            let rows = try await database.query(
                "SELECT * FROM parcels WHERE id > \(after) AND (\(size?.rawValue) IS NULL OR size = \(size?.rawValue)) ORDER BY id LIMIT \(page.limit + 1)"
            )
            let parcels = try rows.prefix(page.limit).map { try Parcel(row: $0) }
            return .json(Page(items: parcels, nextCursor: rows.count > page.limit ? parcels.last.map { Cursor($0.id.description).description } : nil))
        }
        routes.on("POST /api/v1/parcels") { request, context in
            try request.noQuery()
            try request.requireMediaType("application/json")
            let body = try await request.bytes(context)
            if defect == .writesFirst {
                try await database.execute("INSERT INTO parcels VALUES (\(boot.sources.makeID()), 'draft', 1, 'small', 1)")
            }
            if defect == .trustsTheType, try JSON.parse(body.readableBytesView)["grams"]?.integer == nil { throw Broken() }
            let input = try Problem.reading(body) { Input($0, defect) }
            let id = boot.sources.makeID()
            return try await Idempotency.run(
                request, context, route: "POST /api/v1/parcels", body: body, database: database, now: boot.sources.now()
            ) { transaction in
                let rows = try await transaction.query(
                    "INSERT INTO parcels VALUES (\(id), \(input.label), \(input.grams), \(input.size.rawValue), 1) RETURNING *")
                if input.label == "explode" { throw Broken() }
                return Idempotency.Answer(
                    status: 201, body: JSONWriter.bytes(try Parcel(row: rows[0])), location: "/api/v1/parcels/\(id)",
                    etag: ETag(version: 1).description)
            }
        }
        routes.on("GET /api/v1/parcels/{id}") { request, context in
            try request.noQuery()
            let parcel = try await find(try context.identifier("id"), database)
            let tag = ETag(version: parcel.version)
            if try request.hasCurrent(tag) { return Response(status: .notModified, headers: [.eTag: tag.description]) }
            return .json(parcel, headers: [.eTag: tag.description])
        }
        routes.on("PUT /api/v1/parcels/{id}") { request, context in
            try request.noQuery()
            let versions = try request.requireIfMatch()
            let id = try context.identifier("id")
            let input = try await request.json(context) { Input($0, defect) }
            return try await database.withTransaction { transaction in
                let parcel = try await find(id, transaction)
                guard versions?.contains(parcel.version) ?? true else { throw Problem.preconditionFailed }
                let rows = try await transaction.query(
                    "UPDATE parcels SET label = \(input.label), grams = \(input.grams), size = \(input.size.rawValue), version = version + 1 WHERE id = \(id) RETURNING *"
                )
                let changed = try Parcel(row: rows[0])
                return .json(changed, headers: [.eTag: ETag(version: changed.version).description])
            }
        }
        routes.on("DELETE /api/v1/parcels/{id}") { request, context in
            try request.noQuery()
            let id = try context.identifier("id")
            guard try await database.execute("DELETE FROM parcels WHERE id = \(id)") == 1 else { throw Problem.notFound("parcel") }
            return .noContent()
        }
        if defect == .extraRoute { routes.on("GET /api/v1/forgotten") { _, _ in .noContent() } }
    }

    private static func find(_ id: Identifier, _ database: any SQLRunner) async throws -> Parcel {
        guard let row = try await database.query("SELECT * FROM parcels WHERE id = \(id)").first else { throw Problem.notFound("parcel") }
        return try Parcel(row: row)
    }
}

/// The service's OpenAPI document, as short as the matrix needs it.
let parcelDocument = """
    {"openapi": "3.1.0", "info": {"title": "Parcels <b>&</b> more", "version": "1"},
     "paths": {
      "/api/v1/parcels": {
       "get": {"summary": "Lists <script>alert(1)</script>", "parameters": [
         {"name": "size", "in": "query", "schema": {"$ref": "#/components/schemas/Size"}},
         {"name": "limit", "in": "query", "schema": {"type": "integer"}}, {"name": "cursor", "in": "query", "schema": {"type": "string"}}],
         "responses": {"200": {"description": "a page"}}},
       "post": {"requestBody": {"$ref": "#/components/requestBodies/Parcel"}, "responses": {"201": {"description": "made"}}}},
      "/api/v1/parcels/{id}": {
       "get": {"responses": {"200": {"description": "one"}}}, "delete": {"responses": {"204": {"description": "gone"}}},
       "put": {"requestBody": {"$ref": "#/components/requestBodies/Parcel"}, "responses": {"200": {"description": "changed"}}}},
      "/health/live": {"get": {}}, "/health/ready": {"get": {}}, "/health": {"get": {}}, "/metrics": {"get": {}}, "/version": {"get": {}},
      "/openapi.json": {"get": {}}, "/docs": {"get": {}}},
     "components": {"schemas": {
       "Size": {"type": "string", "enum": ["small", "large"]},
       "Parcel": {"type": "object", "required": ["label", "grams", "size"], "properties": {
         "label": {"type": "string"}, "grams": {"type": "integer", "minimum": 1, "maximum": 30000}, "size": {"$ref": "#/components/schemas/Size"},
         "tags": {"type": "object", "additionalProperties": {"type": "string"}}}}},
      "requestBodies": {"Parcel": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Parcel"}}}}}},
     "x-error-codes": {"parcel_not_found": "There is no such <parcel>."}}
    """

extension Identity.Role {
    static let member = Identity.Role(rawValue: "member")
}

extension Access {
    static let member = Access(.member)
}
