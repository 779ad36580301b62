"""`twin.py` with one span of our own in it, by Datadog's SDK: what no injection can know, because it is a decision of the program's."""

import twin
from ddtrace.trace import tracer

app = twin.app

if twin.ROLE == "pricing":

    @app.get("/prices/{id}/now")
    def now(id: str):
        with tracer.trace("pricing.decide", resource="list price") as span:
            amount = twin.row("prices", "amount")
            span.set_tag("pricing.rule", "list")
            span.set_metric("pricing.amount_minor", amount)
            return {"id": id, "amountMinor": amount}
