#!/usr/bin/env python3
"""Runs both programs of every stack against mocks, and holds what they declare against the rules; no AWS is needed."""

from __future__ import annotations

import ipaddress
import sys

import rules
from graph import STACKS, graph


def main() -> int:
    found, networks = 0, {}
    for name in STACKS:
        stack = rules.Stack(graph(name, "foundation"), graph(name, "workload"))
        complaints = [f"{line}  [{sentence}]" for sentence, check in rules.RULES for line in check(stack)]
        networks[name] = ipaddress.ip_network(stack.foundation.settings.cidr)
        others = [other for other, theirs in networks.items() if other != name and networks[name].overlaps(theirs)]
        complaints += [f"{networks[name]} overlaps the network of {other}" for other in others]
        for line in complaints:
            print(f"{name}: {line}")
        found += len(complaints)
        print(f"{name}: {len(stack.foundation.resources)} + {len(stack.workload.resources)} resources, {len(rules.RULES)} rules, "
              f"{len(complaints)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
