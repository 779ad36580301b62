#!/usr/bin/env python3
"""Validates every HTTP exchange that the tests recorded against its service's openapi.yaml.

Each line of each *.ndjson file in the folder is one exchange:
  {"service": "inventory-service", "method": "GET", "url": "http://127.0.0.1:1234/api/v1/products?limit=2",
   "requestHeaders": [["name", "value"]], "requestBody": "base64, or null", "status": 200,
   "responseHeaders": [["name", "value"]], "responseBody": "base64"}

Fails if any answer is not as documented, if a request that was accepted (2xx) is not as documented, if a service has no
exchange at all, or if an operation was never seen to succeed: what no test exercised, nothing has validated.
"""

import argparse
import multiprocessing
import os
import sys
from collections import Counter
from pathlib import Path

import documents
from contract import Contract, Exchange, ExchangeError

# Broken exchanges shown in full; the rest is counted. Enough to see a pattern, little enough to read.
SHOWN = 20

_contracts = {}


def _prepare(parsed):
    _contracts.update({name: Contract(document) for name, document in parsed.items()})


def _judge(work):
    """One chunk of (where, line): counts by (service, operation, status), and (where, kind, violation, exchange) for each fault."""
    counts, broken = Counter(), []
    for where, line in work:
        try:
            exchange = Exchange.parse(line)
        except ExchangeError as error:
            broken.append((where, "recording", str(error), line[:300]))
            continue
        contract = _contracts.get(exchange.service)
        if contract is None:
            # A toy service of the platform's own tests. A real one cannot hide here: its operations would count as not exercised.
            counts[exchange.service, None, exchange.status] += 1
            continue
        operation = contract.operation(exchange)
        counts[exchange.service, operation, exchange.status] += 1
        for violation in contract.violations(exchange):
            name = " ".join(operation) if operation else f"{exchange.method}, unrouted"
            broken.append((where, f"{exchange.service} {name} {exchange.status}", violation, str(exchange)))
    return counts, broken


def _lines(folder):
    for path in sorted(folder.glob("**/*.ndjson")):
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield f"{path.name}:{number}", line


def _chunks(lines, size=200):
    chunk = []
    for line in lines:
        chunk.append(line)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def validate(parsed, lines, processes, out=sys.stdout):
    """Judges `lines` against the documents in `parsed` (by service name); prints the report; true if nothing is wrong."""
    counts, broken = Counter(), []
    with multiprocessing.Pool(processes, initializer=_prepare, initargs=(parsed,)) as pool:
        for some_counts, some_broken in pool.imap_unordered(_judge, _chunks(lines)):
            counts.update(some_counts)
            broken += some_broken

    unseen = []
    for service, document in sorted(parsed.items()):
        mine = {key[1:]: count for key, count in counts.items() if key[0] == service}
        total = sum(mine.values())
        print(f"{service}: {total} exchanges", file=out)
        if total == 0:
            unseen.append(f"{service}: no exchange was recorded")
            continue
        for method, path in sorted(documents.operations(document), key=lambda key: (key[1], key[0])):
            seen = {status: count for (operation, status), count in mine.items() if operation == (method, path)}
            statuses = " ".join(f"{status}×{count}" for status, count in sorted(seen.items()))
            print(f"    {method:6} {path:55} {statuses or '-'}", file=out)
            succeeds = any(code.startswith(("2", "3")) for code in document["paths"][path][method.lower()]["responses"])
            if not seen:
                unseen.append(f"{service}: {method} {path} was never called")
            elif succeeds and not any(status < 400 for status in seen):
                unseen.append(f"{service}: {method} {path} was never seen to succeed")
        unrouted = sum(count for (operation, _), count in mine.items() if operation is None)
        if unrouted:
            print(f"    {unrouted} on paths or methods that the contract does not name", file=out)

    for service, count in sorted(Counter(key[0] for key in counts.elements() if key[0] not in parsed).items()):
        print(f"{service}: {count} exchanges, not judged: it has no openapi.yaml here", file=out)

    kinds = Counter((kind, violation) for _, kind, violation, _ in broken)
    for (kind, violation), count in kinds.most_common(SHOWN):
        where, shown = next((where, shown) for where, its_kind, its_violation, shown in broken if (its_kind, its_violation) == (kind, violation))
        print(f"\nVIOLATION ×{count}  {kind}\n    {violation}\n    first at {where}:\n{shown}", file=out)
    if len(kinds) > SHOWN:
        print(f"\n… and {len(kinds) - SHOWN} more kinds of violation", file=out)
    if unseen:
        print("\nNOT EXERCISED:", *unseen, sep="\n    ", file=out)
    print(f"\n{sum(counts.values())} exchanges, {len(broken)} violations, {len(unseen)} operations not exercised", file=out)
    return not broken and not unseen


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the folder of *.ndjson files")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="how many processes share the work (default: one a core)")
    options = parser.parse_args(arguments)
    try:
        parsed = {service.name: service.load() for service in documents.services().values()}
    except documents.DocumentError as error:
        print(error, file=sys.stderr)
        return 1
    return 0 if validate(parsed, _lines(options.folder), options.processes) else 1


if __name__ == "__main__":
    sys.exit(main())
