import Logging
import Telemetry
import Testing

@Suite struct RedactionTests {
    @Test(
        "names of secrets are covered, whatever their case and spelling",
        arguments: [
            "authorization", "Authorization", "http.request.header.authorization", "cookie", "Set-Cookie", "token",
            "accessToken", "refresh_token", "password",
            "db_password", "secret", "CLIENT-SECRET", "api_key", "apiKey", "X-Api-Key", "card", "card_number",
            "cardNumber", "cvc", "email", "phone_number",
        ])
    func covered(_ name: String) {
        #expect(Redaction.standard.covers(name))
    }

    @Test(
        "names that are needed in every log are not",
        arguments: [
            "trace_id", "span_id", "dd.trace_id", "correlation_id", "item_id", "http.route", "key", "idempotency_key_hash",
            "status", "", "tok", "passed", "car",
        ])
    func notCovered(_ name: String) {
        #expect(!Redaction.standard.covers(name))
    }

    @Test("a covered value is written nowhere, however deep it lies", arguments: [true, false])
    func handlers(json: Bool) throws {
        let sink = RecordingSink()
        var logger = json ? jsonLogger(sink) : prettyLogger(sink)
        logger[metadataKey: "password"] = "hunter2"
        logger.info(
            "x",
            metadata: [
                "Authorization": "Bearer hunter2", "headers": ["Cookie": "hunter2", "accept": "*/*"], "list": [["api_key": "hunter2"], "visible"],
                "card": ["number": "hunter2"], "tokens": ["hunter2"],
            ])
        let line = try #require(sink.lines.first)
        #expect(!line.contains("hunter2"))
        #expect(line.ranges(of: Redaction.mark).count == 6)
        #expect(line.contains("visible"))
        #expect(line.contains("*/*"))
    }

    @Test("a covered name is covered in the provider's metadata too")
    func provider() throws {
        let sink = RecordingSink()
        jsonLogger(sink, provider: Logger.MetadataProvider { ["session_token": "hunter2"] }).info("x")
        #expect(try sink.objects().first?["session_token"] as? String == Redaction.mark)
    }
}
