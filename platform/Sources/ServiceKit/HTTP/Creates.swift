public import Basics
public import Database
public import HTTPPath
public import Hummingbird

/// Runs creates at most once per `Idempotency-Key`.
public struct Creates: Sendable {
    private let database: any Database
    private let sources: Sources

    public init(database: any Database, sources: Sources) {
        self.database = database
        self.sources = sources
    }

    /// Reads a JSON body, and runs `effect` in the transaction that also stores the answer under the request's key.
    ///
    /// - Throws: 400 for query parameters, 415 for another media type, what reading the body and ``Idempotency`` throw, and what `effect` does.
    public func run<Input: Sendable>(
        _ request: Request, _ context: ServiceContext, _ route: RouteKey, read: (Fields) -> Input,
        _ effect: @escaping @Sendable (Input, any SQLRunner) async throws -> Idempotency.Answer
    ) async throws -> Response {
        try request.noQuery()
        try request.requireMediaType("application/json")
        let body = try await request.bytes(context)
        let input = try Problem.reading(body, read)
        return try await Idempotency.run(request, context, route: route, body: body, database: database, now: sources.now()) {
            try await effect(input, $0)
        }
    }
}
