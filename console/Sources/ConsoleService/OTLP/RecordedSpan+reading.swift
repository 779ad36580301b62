extension RecordedSpan {
    /// - Parameter wire: one message of type `Span`.
    init(_ wire: ArraySlice<UInt8>) throws(ProtobufError) { try self.init(reading: ProtobufReader(wire)) }

    init(reading message: ProtobufReader) throws(ProtobufError) {
        var reader = message
        while let field = try reader.next() {
            switch (field.number, field.value) {
            case (1, .bytes(let bytes)): traceID = TraceID(bytes)
            case (2, .bytes(let bytes)): id = SpanID(bytes)
            case (4, .bytes(let bytes)): parentID = SpanID(bytes)
            case (5, let value): name = value.string ?? name
            case (6, .varint(let number)): kind = Kind(number)
            case (7, .fixed64(let time)): start = time
            case (8, .fixed64(let time)): end = time
            case (9, .bytes(let bytes)): attributes.append(try Attribute(reading: reader.nested(bytes)))
            case (10, .varint(let count)), (12, .varint(let count)), (14, .varint(let count)): leftOut &+= count
            case (11, .bytes(let bytes)): events.append(try Event(reading: reader.nested(bytes)))
            case (13, .bytes(let bytes)): links.append(try Link(reading: reader.nested(bytes)))
            case (15, .bytes(let bytes)): try readStatus(reader.nested(bytes))
            default: continue
            }
        }
    }

    private mutating func readStatus(_ message: ProtobufReader) throws(ProtobufError) {
        var reader = message
        while let field = try reader.next() {
            switch (field.number, field.value) {
            case (2, let value): statusMessage = value.string ?? statusMessage
            case (3, .varint(let number)): status = Status(number)
            default: continue
            }
        }
    }
}

extension RecordedSpan.Event {
    init(reading message: ProtobufReader) throws(ProtobufError) {
        var reader = message
        while let field = try reader.next() {
            switch (field.number, field.value) {
            case (1, .fixed64(let time)): self.time = time
            case (2, let value): name = value.string ?? name
            case (3, .bytes(let bytes)): attributes.append(try Attribute(reading: reader.nested(bytes)))
            default: continue
            }
        }
    }
}

extension RecordedSpan.Link {
    init(reading message: ProtobufReader) throws(ProtobufError) {
        var reader = message
        while let field = try reader.next() {
            switch (field.number, field.value) {
            case (1, .bytes(let bytes)): traceID = TraceID(bytes)
            case (2, .bytes(let bytes)): spanID = SpanID(bytes)
            default: continue
            }
        }
    }
}

extension Attribute {
    init(reading message: ProtobufReader) throws(ProtobufError) {
        var reader = message
        while let field = try reader.next() {
            switch (field.number, field.value) {
            case (1, let value): key = value.string ?? key
            case (2, .bytes(let bytes)): value = try AttributeValue(reading: reader.nested(bytes))
            default: continue
            }
        }
    }
}

extension AttributeValue {
    init(reading message: ProtobufReader) throws(ProtobufError) {
        self = .empty
        var reader = message
        while let field = try reader.next() {
            switch (field.number, field.value) {
            case (1, .bytes(let bytes)): self = .string(String(decoding: bytes, as: UTF8.self))
            case (2, .varint(let number)): self = .bool(number != 0)
            case (3, .varint(let number)): self = .integer(Int64(bitPattern: number))
            case (4, .fixed64(let bits)): self = .double(Double(bitPattern: bits))
            case (5, .bytes(let bytes)): self = .array(try Self.values(in: reader.nested(bytes)))
            case (6, .bytes(let bytes)): self = .map(try Self.attributes(in: reader.nested(bytes)))
            case (7, .bytes(let bytes)): self = .bytes(Array(bytes))
            default: continue
            }
        }
    }

    /// `ArrayValue`.
    private static func values(in message: ProtobufReader) throws(ProtobufError) -> [AttributeValue] {
        var reader = message
        var values: [AttributeValue] = []
        while let field = try reader.next() {
            if field.number == 1, let bytes = field.value.bytes { values.append(try AttributeValue(reading: reader.nested(bytes))) }
        }
        return values
    }

    /// `KeyValueList`, and `Resource`, which begins alike.
    static func attributes(in message: ProtobufReader) throws(ProtobufError) -> [Attribute] {
        var reader = message
        var attributes: [Attribute] = []
        while let field = try reader.next() {
            if field.number == 1, let bytes = field.value.bytes { attributes.append(try Attribute(reading: reader.nested(bytes))) }
        }
        return attributes
    }
}
