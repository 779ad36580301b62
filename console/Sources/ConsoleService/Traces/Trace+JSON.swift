import Basics
import HTTPPath

/// A trace in a list.
struct TraceSummary: JSONWritable {
    let trace: StoredTrace

    func write(to json: inout JSONWriter) { json.object { writeFields(to: &$0) } }

    func writeFields(to json: inout JSONWriter) {
        json.field("traceId", trace.id.description)
        json.field("name", trace.name)
        json.field("service", trace.service)
        json.field("startTime", Timestamp(nanoseconds: trace.start))
        json.field("durationNanoseconds", Int64(clamping: trace.duration))
        json.field("status", trace.errors > 0 ? "error" : "ok")
        json.field("spanCount", trace.spans.count)
        json.field("errorCount", trace.errors)
        json.field("droppedSpans", trace.dropped)
        json.field("services", [trace.service] + trace.services.filter { $0 != trace.service }.sorted())
        json.field("orderIds", trace.orderIDs)
    }
}

/// A trace with all that is known of it, in the order of its waterfall.
struct TraceDetail: JSONWritable {
    let trace: StoredTrace
    let waterfall: Waterfall

    init(_ trace: StoredTrace) {
        self.trace = trace
        waterfall = Waterfall(trace)
    }

    func write(to json: inout JSONWriter) {
        json.object {
            TraceSummary(trace: trace).writeFields(to: &$0)
            $0.field("orphanCount", waterfall.rows.count { $0.isOrphan })
            $0.field(
                "resources",
                array: { json in
                    for resource in waterfall.resources {
                        json.value(Named(service: resource.service, attributes: resource.attributes))
                    }
                })
            $0.field("spans", array: { json in for row in waterfall.rows { json.value(row) } })
        }
    }

    private struct Named: JSONWritable {
        let service: String
        let attributes: [Attribute]

        func write(to json: inout JSONWriter) {
            json.object {
                $0.field("service", service)
                $0.field("attributes", attributes)
            }
        }
    }
}

extension Waterfall.Row: JSONWritable {
    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("spanId", id.description)
            $0.field("parentSpanId", span.parentID?.description)
            $0.field("name", span.name)
            $0.field("service", service)
            $0.field("resource", resource)
            $0.field("scope", scope)
            $0.field("kind", span.kind.rawValue)
            $0.field("depth", depth)
            $0.field("isOrphan", isOrphan)
            $0.field("offsetNanoseconds", Int64(clamping: offset))
            $0.field("durationNanoseconds", Int64(clamping: span.duration))
            $0.field("status", span.status.rawValue)
            if !span.statusMessage.isEmpty { $0.field("statusMessage", span.statusMessage) }
            $0.field("attributes", span.attributes)
            $0.field(
                "events",
                array: { json in
                    for event in span.events { json.value(EventView(event: event, spanStart: span.start)) }
                })
            $0.field("links", array: { json in for link in span.links { json.value(link) } })
            if span.leftOut > 0 { $0.field("leftOut", Int64(clamping: span.leftOut)) }
        }
    }

    private struct EventView: JSONWritable {
        let event: RecordedSpan.Event
        let spanStart: UInt64

        func write(to json: inout JSONWriter) {
            json.object {
                $0.field("name", event.name)
                // From the span's start; an event before it, by a clock that moved, is at it.
                $0.field("offsetNanoseconds", Int64(clamping: event.time > spanStart ? event.time - spanStart : 0))
                $0.field("attributes", event.attributes)
            }
        }
    }
}

extension RecordedSpan.Link: JSONWritable {
    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("traceId", traceID?.description)
            $0.field("spanId", spanID?.description)
        }
    }
}

extension Attribute: JSONWritable {
    /// As a pair and not as a member: a sender may give a key twice.
    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("key", key)
            $0.field("value", value)
        }
    }
}

extension AttributeValue: JSONWritable {
    func write(to json: inout JSONWriter) {
        switch self {
        case .empty: json.value(JSON.null)
        case .string(let text): json.value(text)
        case .bool(let flag): json.value(flag)
        // Beyond 2^53 a JSON reader may round; a text is exact.
        case .integer(let number): if number.magnitude <= 1 << 53 { json.value(number) } else { json.value(String(number)) }
        case .double(let number): if number.isFinite { json.value(number) } else { json.value("\(number)") }
        case .bytes(let bytes): json.value(bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined())
        case .array(let values): json.value(values)
        case .map(let attributes): json.value(attributes)
        }
    }
}

extension Timestamp {
    /// - Parameter nanoseconds: since 1970; rounded down to the microsecond.
    init(nanoseconds: UInt64) { self.init(microseconds: Int64(nanoseconds / 1000)) }
}
