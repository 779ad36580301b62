"""The main journeys, each as one trace: what the contract says of it, held against the spans that a collector received."""

import gzip
import random
import time
import uuid

KINDS = {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}


def spans(bodies):
    """[{trace, id, parent, service, kind, name, failed}] of the bodies that came to /v1/traces."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    found = []
    for encoding, body in bodies:
        request = ExportTraceServiceRequest.FromString(gzip.decompress(body) if encoding == "gzip" else body)
        for resource in request.resource_spans:
            service = next((item.value.string_value for item in resource.resource.attributes if item.key == "service.name"), "")
            for scope in resource.scope_spans:
                found += [
                    {
                        "trace": span.trace_id.hex(), "id": span.span_id.hex(), "parent": span.parent_span_id.hex(), "service": service,
                        "kind": KINDS.get(span.kind, "?"), "name": span.name, "failed": span.status.code == 2,
                    } for span in scope.spans
                ]
    return found


def trace_faults(journey, found, caller):
    """What of a trace is not as the contract says. `caller` is the span that the caller said it was."""
    known = {span["id"]: span for span in found}
    roots = [span for span in found if span["parent"] == caller]
    faults = [] if len(roots) == 1 else [f"{journey['name']}: {len(roots)} spans are below the caller's, not one"]
    for span in found:
        if span["parent"] != caller and span["parent"] not in known:
            faults.append(f"{journey['name']}: {span['service']} {span['kind']} {span['name']} has no parent in its trace")

    def below(span, ancestor):
        seen = set()
        while span is not None and span["id"] not in seen:
            seen.add(span["id"])
            span = known.get(span["parent"])
            if span is not None and span["id"] == ancestor["id"]:
                return True
        return False

    for edge in journey["edges"]:
        starts = [span for span in found if matches(span, edge["from"])]
        ends = [span for span in found if matches(span, edge["to"])]
        if not any(below(end, start) for start in starts for end in ends):
            names = [f"{edge[side]['service']} {edge[side]['kind']} {edge[side]['name']}" for side in ("from", "to")]
            faults.append(f"{journey['name']}: no edge from {names[0]} to {names[1]}")
    allowed = journey["failing"]
    faults += [
        f"{journey['name']}: {span['service']} {span['name']} is marked as failed"
        for span in found if span["failed"] and span["kind"] == "server" and not any(matches(span, reference) for reference in allowed)
    ]
    return faults


def matches(span, reference):
    name = reference["name"]
    named = span["name"].startswith(name[:-1]) if name.endswith("*") else span["name"] == name
    return named and span["service"] == reference["service"] and span["kind"] == reference["kind"]


def faults(registry, shop, collector):
    """Takes each journey once, and looks at its trace."""
    order = {"lines": [{"productId": "LAPTOP-001", "quantity": 1}], "currency": "USD", "taxRegion": "US-CA", "paymentMethod": "card_approve"}
    short = {**order, "lines": [{"productId": "LAPTOP-002", "quantity": 900}]}
    bulk = {"items": [{"productId": "LAPTOP-001", "quantity": 1}, {"productId": "MOUSE-001", "quantity": 2}]}
    actions = {
        "view": lambda trace: shop.call("GET", "/api/v1/products/LAPTOP-001", trace=trace),
        "list": lambda trace: shop.call("GET", "/api/v1/products?limit=5", trace=trace),
        "bulk": lambda trace: shop.call("POST", "/api/v1/products/bulk-check", bulk, trace=trace),
        "confirmed": lambda trace: shop.call("POST", "/api/v1/orders", order, "shopper", trace=trace),
        "declined": lambda trace: shop.call("POST", "/api/v1/orders", {**order, "paymentMethod": "card_decline"}, "shopper", trace=trace),
        "short": lambda trace: shop.call("POST", "/api/v1/orders", short, "shopper", trace=trace),
        "cancelled": lambda trace: shop.call("POST", f"/api/v1/orders/{shop.order(order)}/cancel", role="shopper", trace=trace),
    }
    found = []
    for journey in registry.document["journeys"]:
        name = journey["name"]
        if name not in actions:
            found.append(f"{name}: nothing here takes that journey")
            continue
        # A price that is in memory needs no statement, and the contract says what is seen of one that is not.
        if shop.call("POST", "/api/v1/cache/invalidate", {"all": True}, "operator") // 100 != 2:
            found.append(f"{name}: the cache was not emptied before it")
        trace, caller = uuid.uuid4().hex, f"{random.getrandbits(64) | 1:016x}"
        status = actions[name](f"00-{trace}-{caller}-01")
        complaints = [f"{name}: nothing arrived"]
        for _ in range(40):
            time.sleep(0.25)
            own = [span for span in spans(list(collector.traces)) if span["trace"] == trace]
            if own:
                complaints = trace_faults(journey, own, caller)
            if own and not complaints:
                break
        print(f"    {name}: {status}, {len(own)} spans", flush=True)
        found += complaints
    return found
