#!/usr/bin/env python3
"""Counts what the database's contract tests did on each engine, from what `swift test` of DatabaseTests prints.

    scripts/database-contract.py LOG

Prints one line: "database contract: sqlite 41 passed, postgres 41 passed". Exits 1 if a case failed, an engine ran nothing, or the two
did not run the same number of cases.
"""
import re
import sys

ENGINES = ("sqlite", "postgres")
# The engine is the first argument of each test that has one: "passing 2 arguments engine → .sqlite, goesOn → true to …".
BEGUN = re.compile(r'Test case passing \d+ arguments? (engine → \.(\w+).*?) to "(.*)" started\.')
FAILED = re.compile(r'Test "(.*)" recorded an issue with \d+ arguments? (engine → \.(\w+).*?) at \w+\.swift')


def count(lines):
    """The cases begun and those with an issue, by engine; a case is a test's name and its arguments."""
    begun = {engine: set() for engine in ENGINES}
    failed = {engine: set() for engine in ENGINES}
    for line in lines:
        if match := BEGUN.search(line):
            arguments, engine, test = match.groups()
            begun.setdefault(engine, set()).add((test, arguments))
        elif match := FAILED.search(line):
            test, arguments, engine = match.groups()
            failed.setdefault(engine, set()).add((test, arguments))
    return begun, failed


def main(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            begun, failed = count(file)
    except OSError as error:
        print(f"database contract: {path} cannot be read: {error}", file=sys.stderr)
        return 1
    parts, good = [], len({len(cases) for cases in begun.values()}) == 1
    for engine in begun:
        failures = len(failed.get(engine, ()))
        parts.append(f"{engine} {len(begun[engine]) - failures} passed" + (f" and {failures} failed" if failures else ""))
        good = good and bool(begun[engine]) and not failures
    print("database contract: " + ", ".join(parts))
    if not good:
        print("each engine has to run the same cases, at least one, and none may fail", file=sys.stderr)
    return 0 if good else 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
