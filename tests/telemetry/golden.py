#!/usr/bin/env python3
"""What the encoder's bytes must be: the same messages, made by opentelemetry-proto. `--write` writes the files that the Swift tests read."""

import sys
from pathlib import Path

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

FOLDER = Path(__file__).resolve().parents[2] / "platform/Tests/TelemetryTests/Export/Golden"
TRACE, SPAN, PARENT = bytes.fromhex("4bf92f3577b34da6a3ce929d0e0e4736"), bytes.fromhex("00f067aa0ba902b7"), bytes.fromhex("0000000000000009")
LONG = "x" * 300


def attribute(attributes, key, **value):
    item = attributes.add()
    item.key = key
    for kind, content in value.items():
        setattr(item.value, kind, content)


def envelope(request, kind):
    outer = getattr(request, f"resource_{kind}").add()
    for key, text in [("deployment.environment.name", "test"), ("service.name", "maker"), ("service.version", "9")]:
        attribute(outer.resource.attributes, key, string_value=text)
    inner = getattr(outer, f"scope_{kind}").add()
    inner.scope.name, inner.scope.version = "hello-dd/platform/Telemetry", "0.1.0"
    return inner


def traces():
    request = ExportTraceServiceRequest()
    scope = envelope(request, "spans")
    span = scope.spans.add()
    span.trace_id, span.span_id, span.parent_span_id = TRACE, SPAN, PARENT
    span.trace_state, span.name, span.kind = "dd=s:2", "GET /things/{id} é", 2
    span.start_time_unix_nano, span.end_time_unix_nano = 1_001, 2_000_000_000_000_000_000
    attribute(span.attributes, "text", string_value="é")
    attribute(span.attributes, "empty", string_value="")
    attribute(span.attributes, "number", int_value=-1)
    attribute(span.attributes, "zero", int_value=0)
    attribute(span.attributes, "half", double_value=0.5)
    attribute(span.attributes, "flag", bool_value=False)
    attribute(span.attributes, "long", string_value=LONG)
    item = span.attributes.add()
    item.key = "list"
    item.value.array_value.values.add().string_value = "a"
    item.value.array_value.values.add().int_value = 300
    span.dropped_attributes_count = 2
    event = span.events.add()
    event.time_unix_nano, event.name = 1_500, "waited"
    attribute(event.attributes, "seconds", double_value=1.25)
    span.dropped_events_count = 300
    link = span.links.add()
    link.trace_id, link.span_id, link.flags = TRACE, PARENT, 0x101
    attribute(link.attributes, "why", string_value="batch")
    span.dropped_links_count = 1
    span.status.message, span.status.code = "it failed", 2
    span.flags = 0x301
    bare = scope.spans.add()
    bare.trace_id, bare.span_id, bare.name, bare.kind = TRACE, PARENT, "bare", 1
    bare.start_time_unix_nano, bare.end_time_unix_nano, bare.flags = 1_000, 1_000, 0x101
    bare.status.code = 1
    return request


def metrics():
    request = ExportMetricsServiceRequest()
    scope = envelope(request, "metrics")
    gauge = scope.metrics.add()
    gauge.name, gauge.description, gauge.unit = "a.gauge", "A gauge.", "By"
    point = gauge.gauge.data_points.add()
    point.time_unix_nano, point.as_double = 3_000, 0.0
    counter = scope.metrics.add()
    counter.name, counter.description, counter.unit = "b.counter", "A counter.", "{thing}"
    counter.sum.aggregation_temporality, counter.sum.is_monotonic = 1, True
    for value, label in [(2.0, "x"), (3.0, "y")]:
        point = counter.sum.data_points.add()
        point.start_time_unix_nano, point.time_unix_nano, point.as_double = 2_000, 3_000, value
        attribute(point.attributes, "label", string_value=label)
    updown = scope.metrics.add()
    updown.name, updown.description, updown.unit = "c.updown", "Goes both ways.", "{thing}"
    updown.sum.aggregation_temporality = 2
    point = updown.sum.data_points.add()
    point.start_time_unix_nano, point.time_unix_nano, point.as_double = 1_000, 3_000, -4.0
    histogram = scope.metrics.add()
    histogram.name, histogram.description, histogram.unit = "d.histogram", "A distribution.", "s"
    histogram.histogram.aggregation_temporality = 1
    point = histogram.histogram.data_points.add()
    point.start_time_unix_nano, point.time_unix_nano, point.count, point.sum = 2_000, 3_000, 3, 4.5
    point.bucket_counts.extend([1, 0, 2])
    point.explicit_bounds.extend([0.5, 1.0])
    exemplar = point.exemplars.add()
    exemplar.time_unix_nano, exemplar.as_double, exemplar.span_id, exemplar.trace_id = 2_500, 2.0, SPAN, TRACE
    attribute(point.attributes, "label", string_value="x")
    return request


def main():
    messages = {"traces.hex": traces(), "metrics.hex": metrics()}
    for name, message in messages.items():
        text = message.SerializeToString(deterministic=True).hex() + "\n"
        if "--write" in sys.argv:
            FOLDER.mkdir(parents=True, exist_ok=True)
            (FOLDER / name).write_text(text)
        elif (FOLDER / name).read_text() != text:
            sys.exit(f"{name} is not what opentelemetry-proto makes: run tests/telemetry/golden.py --write, and look at what has changed")
        # And back: the file is a message, whole, with nothing in it that its reader does not know.
        read = type(message)()
        read.ParseFromString(bytes.fromhex((FOLDER / name).read_text()))
        assert read == message and not list(read.DESCRIPTOR.oneofs), name
    print(f"the golden bytes are opentelemetry-proto's: {', '.join(messages)}")


if __name__ == "__main__":
    main()
