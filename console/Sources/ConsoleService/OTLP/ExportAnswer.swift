/// The messages that OTLP answers with.
enum ExportAnswer {
    /// `ExportTraceServiceResponse` (and those of metrics and logs, which are alike): empty when all was taken, else a partial success.
    static func taken(rejected: Int, because message: String) -> [UInt8] {
        guard rejected > 0 else { return [] }
        var partial = ProtobufWriter()
        partial.field(1, UInt64(rejected))
        partial.field(2, message)
        var answer = ProtobufWriter()
        answer.field(1, partial.bytes)
        return answer.bytes
    }

    /// `google.rpc.Status`.
    static func refused(status: Int, message: String) -> [UInt8] {
        // google.rpc.Code: INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNAVAILABLE.
        let code: UInt64 = status == 413 ? 8 : status < 500 ? 3 : 14
        var answer = ProtobufWriter()
        answer.field(1, code)
        answer.field(2, message)
        return answer.bytes
    }
}
