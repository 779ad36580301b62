#!/usr/bin/env python3
"""Real processes, seen from outside: at Datadog's own test agent, with OpenTelemetry's own kit, and with collectors that misbehave.

    run.py [--update] [PATTERN…]

`--update` writes the snapshots anew. Patterns choose tests by a part of their name.
"""

import sys
import unittest

import batches_test
import collectors_test
import journeys_test
import propagation_test


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--update"]
    journeys_test.UPDATE = "--update" in sys.argv
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{argument}*" for argument in arguments] or None
    suite = unittest.TestSuite(loader.loadTestsFromModule(module) for module in (journeys_test, propagation_test, batches_test, collectors_test))
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    sys.exit(0 if result.wasSuccessful() and result.testsRun > 0 and not result.skipped else 1)


if __name__ == "__main__":
    main()
