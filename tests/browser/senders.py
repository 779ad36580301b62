"""Traces as OpenTelemetry's own kit sends them: an order of the shop, and what somebody might send who means harm."""

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

MILLISECOND = 1_000_000
# 2026-11-24T13:00:00Z, so that a picture made tomorrow is the picture made today.
NOON = 1_795_525_200_000 * MILLISECOND
ORDER = "019aa5c2-7c00-7000-8000-00000000c0de"


class Counting(IdGenerator):
    """Ids that are the same each time."""

    def __init__(self, trace_id):
        self.trace_id = trace_id
        self.span_id = 0x1000

    def generate_trace_id(self):
        return self.trace_id

    def generate_span_id(self):
        self.span_id += 1
        return self.span_id


class Sender:
    """Services that send spans of one trace to one receiver."""

    def __init__(self, endpoint, trace_id, start=NOON, compression=Compression.NoCompression):
        self.endpoint, self.start, self.compression = endpoint, start, compression
        self.ids = Counting(trace_id)
        self.trace_id = format(trace_id, "032x")
        self.providers = {}

    def tracer(self, service):
        if service not in self.providers:
            resource = Resource({"service.name": service, "service.version": "0.1.0", "deployment.environment.name": "local"})
            provider = TracerProvider(resource=resource, id_generator=self.ids, shutdown_on_exit=False)
            exporter = OTLPSpanExporter(endpoint=f"{self.endpoint}/v1/traces", compression=self.compression, timeout=30)
            provider.add_span_processor(SimpleSpanProcessor(exporter))
            self.providers[service] = provider
        return self.providers[service].get_tracer("hello-dd")

    def span(self, service, name, begin, end, parent=None, kind=SpanKind.INTERNAL, error=None, links=(), events=(), **attributes):
        """A span from `begin` to `end` milliseconds. It is sent when it ends, so a parent is ended after its children by the caller."""
        context = trace.set_span_in_context(parent) if parent else None
        span = self.tracer(service).start_span(
            name, context=context, kind=kind, links=links, start_time=self.start + int(begin * MILLISECOND),
            attributes={key.replace("__", "."): value for key, value in attributes.items()},
        )  # fmt: skip
        for event, at, more in events:
            span.add_event(event, more, timestamp=self.start + int(at * MILLISECOND))
        if error is not None:
            span.set_status(Status(StatusCode.ERROR, error))
        span.end_later = lambda: span.end(end_time=self.start + int(end * MILLISECOND))
        return span

    def close(self):
        for provider in self.providers.values():
            provider.shutdown()


def send_order(endpoint):
    """An order that is confirmed, with everything below it. Returns the trace's id."""
    s = Sender(endpoint, 0x4BF92F3577B34DA6A3CE929D0E0E4736)
    open_spans = []

    def span(*arguments, **named):
        made = s.span(*arguments, **named)
        open_spans.append(made)
        return made

    gateway, inventory, pricing = "api-gateway", "inventory-service", "pricing-service"
    server, client = SpanKind.SERVER, SpanKind.CLIENT
    root = span(
        gateway, "POST /api/v1/orders", 0, 84.2, kind=server, http__request__method="POST", http__route="/api/v1/orders",
        http__response__status_code=201, shop__order__id=ORDER,
    )  # fmt: skip
    saga = span(gateway, "saga order", 4.1, 80.4, root, shop__order__id=ORDER)

    def call(step, name, service, begin, end, statements, **attributes):
        outer = span(gateway, step, begin, end, saga)
        out = span(gateway, name, begin + 0.6, end - 0.5, outer, kind=client, http__request__method=name.split()[0], server__address="127.0.0.1")
        inside = span(service, name, begin + 1.6, end - 1.2, out, kind=server, http__response__status_code=200, **attributes)
        for text, at, until in statements:
            span(
                service, text.split()[0] + " " + text.split()[1], at, until, inside, kind=client, db__system__name="postgresql", db__query__text=text,
                events=[("db.client.connection.acquired", at + 0.05, {})],
            )  # fmt: skip

    call("quote", "POST /api/v1/quotes", pricing, 6, 19.5, [
        ("SELECT prices FROM prices WHERE product_id = ANY($1)", 9.1, 11.4), ("INSERT quotes INTO quotes VALUES ($1, $2)", 12.9, 16.8)])
    call("reserve", "PUT /api/v1/reservations/{id}", inventory, 20.2, 42.6, [
        ("BEGIN transaction", 22.5, 22.9), ("SELECT stock FROM stock WHERE product_id = $1 FOR UPDATE", 23.2, 28.8),
        ("UPDATE stock SET reserved = reserved + $1", 29.4, 33.1), ("COMMIT transaction", 33.6, 40.2)])
    span(gateway, "authorise payment", 43.4, 50.8, saga, shop__payment__method="card_approve")
    call("confirm reservation", "POST /api/v1/reservations/{id}/confirm", inventory, 51.5, 64.3, [("UPDATE reservations SET state = 'sold'", 54.1, 60.7)])
    span(gateway, "capture payment", 65.1, 71.2, saga)
    span(gateway, "UPDATE orders", 72.4, 79.1, saga, kind=client, db__system__name="postgresql", db__query__text="UPDATE orders SET status = $1 WHERE id = $2")
    for made in reversed(open_spans):
        made.end_later()
    s.close()
    return s.trace_id


def send_declined(endpoint):
    """An order that is declined: what failed stands on the span where it did."""
    s = Sender(endpoint, 0x5CF92F3577B34DA6A3CE929D0E0E4737, start=NOON + 2500 * MILLISECOND)
    root = s.span("api-gateway", "POST /api/v1/orders", 0, 61.8, kind=SpanKind.SERVER, shop__order__id="019aa5c2-9a00-7000-8000-0000000000ff")
    pay = s.span(
        "api-gateway", "authorise payment", 31, 44, root, error="the card was declined",
        events=[("exception", 43.5, {"exception.type": "CardDeclined", "exception.message": "the card was declined"})],
    )  # fmt: skip
    undo = s.span("inventory-service", "POST /api/v1/reservations/{id}/release", 46, 58, root, kind=SpanKind.SERVER)
    for span in (undo, pay, root):
        span.end_later()
    s.close()
    return s.trace_id


MARK = "window.hacked=(window.hacked||0)+1"
HOSTILE = [
    f"<script>{MARK}</script>",
    f'"><img src=x onerror="{MARK}">',
    f"' onmouseover='{MARK}' x='",
    f"</title><svg onload={MARK}>",
    f"javascript:{MARK}",
    "${" + MARK + "} {{7*7}} %3Cscript%3E &lt;b&gt;",
    "\u202egnp.exe\u202c \u2066isolated",
    "שלום עולם <b>مرحبا</b>",
    "a\x00b\x1b[2J\x7f\r\nSet-Cookie: x=1",
    "long " * 1000,
    "x" * 5000,
    "日本語 🛒 e\u0301\u0301\u0301",
    "",
]


def send_hostile(endpoint):
    """Every text of a trace is one that somebody might send to have it executed, or to spoil the page."""
    s = Sender(endpoint, 0xBAD, start=NOON + 5000 * MILLISECOND, compression=Compression.Gzip)
    first = HOSTILE[0]
    root = s.span(first, first, 0, 100, kind=SpanKind.SERVER, error=first, shop__order__id=f"<img src=x onerror={MARK}>")
    spans = [root]
    for index, text in enumerate(HOSTILE):
        span = s.span(
            HOSTILE[index % 6], text, index, 100 - index, spans[-1], error=text if index % 2 else None, events=[(text, index + 1, {text or "k": text})],
        )  # fmt: skip
        span.set_attribute(text or "empty", text)
        span.set_attribute("list", [text, first])
        spans.append(span)
    for span in reversed(spans):
        span.end_later()
    s.close()
    return s.trace_id


def send_every_type(endpoint, compression):
    """A span with an attribute of each type, an event and a link, for a comparison with what the console says."""
    s = Sender(endpoint, 0xABCDEF0123456789ABCDEF0123456789 + (compression is Compression.Gzip), start=NOON, compression=compression)
    other = SpanContext(trace_id=0x77, span_id=0x88, is_remote=True, trace_flags=TraceFlags(1))
    span = s.span(
        "kit", "every type", 1, 3.5, kind=SpanKind.PRODUCER, error="no", links=[Link(other)], events=[("something", 2, {"n": 1})], text="t",
        flag=True, whole=-(2**62), part=0.25, texts=["a", "b"], numbers=[1, 2],
    )  # fmt: skip
    span.end_later()
    s.close()
    return s.trace_id
