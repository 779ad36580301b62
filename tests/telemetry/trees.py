"""A trace as text that is the same each time: what is compared with the snapshots."""

SHOWN = ["http.response.status_code", "error.type", "saga.state", "saga.failure", "db.transaction.outcome"]


def faults(spans, services):
    """What is wrong with a trace whatever it is about: more than one root, an orphan, a service that is missing or not known."""
    known = {span.span_id for span in spans}
    roots = [span for span in spans if not span.parent_id]
    found = []
    if len(roots) != 1:
        found.append(f"{len(roots)} roots: {[root.name for root in roots]}")
    found += [f"orphan: {span.service}: {span.name}" for span in spans if span.parent_id and span.parent_id not in known]
    if len(known) != len(spans):
        found.append("a span id came twice")
    if {span.service for span in spans} != set(services):
        found.append(f"services: {sorted({span.service for span in spans})}")
    for span in spans:
        parent = next((other for other in spans if other.span_id == span.parent_id), None)
        if span.end < span.start:
            found.append(f"ends before it begins: {span.name}")
        # The clocks of two processes on one machine are the same clock, read at different moments.
        if parent and span.start < parent.start - 5_000_000:
            found.append(f"begins before its parent: {span.name}")
        if span.kind == "server" and parent and (parent.kind != "client" or parent.service == span.service):
            found.append(f"a server span is not the child of another service's client span: {span.name}")
    return found


def tree(spans):
    lines = []

    def walk(parent_id, depth):
        for span in ordered([span for span in spans if span.parent_id == parent_id]):
            shown = "".join(f" {name}={span.attributes[name]}" for name in SHOWN if name in span.attributes)
            lines.append(f"{'  ' * depth}{span.service} {span.kind} \"{span.name}\"{' FAILED' if span.failed else ''}{shown}")
            walk(span.span_id, depth + 1)

    walk("", 0)
    return "\n".join(lines) + "\n"


def ordered(siblings):
    """In the order of time; those that overlap, and so may come in any order, by name."""
    result, cluster, end = [], [], None
    for span in sorted(siblings, key=lambda span: (span.start, span.end)):
        if cluster and span.start >= end:
            result += sorted(cluster, key=lambda span: (span.service, span.name))
            cluster, end = [], None
        cluster.append(span)
        end = max(end or 0, span.end)
    return result + sorted(cluster, key=lambda span: (span.service, span.name))
