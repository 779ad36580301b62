"""Holds what `hello-dd observability render` made against the registry, Datadog's models, the runbooks and synthetic series.

What needs a running shop is running.py's.
"""

import pathlib
import sys

import datadog
import prometheus
import series
from registry import ROOT, Registry


def runbook_faults(registry, root=ROOT):
    """Alerts without a page, and pages without an alert."""
    wanted = {alert["runbook"] for alert in registry.alerts.values()}
    there = {str(path.relative_to(root)) for path in pathlib.Path(root, "docs/operations").glob("*.md")} - {"docs/operations/README.md"}
    found = [f"{path}: an alert names it, and it is not there" for path in sorted(wanted - there)]
    found += [f"{path}: no alert names it" for path in sorted(there - wanted)]
    for path in sorted(wanted & there):
        text = pathlib.Path(root, path).read_text(encoding="utf-8")
        found += [f"{path}: lacks the part {part!r}" for part in ("## What it means", "## Look", "## Do", "## Afterwards") if part not in text]
    return found


def main():
    registry = Registry()
    faults = datadog.faults(registry) + prometheus.faults(registry)
    faults += prometheus.differences(registry, datadog.documents()["monitors"]) + runbook_faults(registry)
    faults += [f"{alert}: no synthetic series sees it quiet, firing and over" for alert in series.untested()]
    passed, output = series.run()
    if not passed:
        faults.append(output)
    for fault in faults:
        print(fault)
    if faults:
        return 1
    kinds = datadog.documents()
    print(
        f"{len(kinds['dashboards'])} dashboards, {len(kinds['monitors'])} monitors and {len(kinds['objectives'])} objectives ask for what is declared; "
        f"{len(series.CASES)} lives of alerts are as they should be"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
