#!/usr/bin/env python3
"""`make openapi`: renders each service's openapi.yaml into the openapi.json it embeds; `--check` only compares."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "openapi"))

import documents  # noqa: E402

if __name__ == "__main__":
    sys.exit(documents.main())
