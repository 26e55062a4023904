"""places: makes what other tests have made importable: the checker (tests/fire), nodes and clients (tests/e2e), simulators (tests/processors)."""
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
for folder in ("processors", "e2e", "fire"):
    if str(TESTS / folder) not in sys.path:
        sys.path.append(str(TESTS / folder))
