#!/usr/bin/env python3
"""crash_points: what is deployed contains no crash point.

crash_points.py BINARY            passes if not one name of adapters/system/crash_points.cpp, nor the variable that arms them, is in it
crash_points.py --present BINARY  the other way round, for a build that has them: shows that the search finds what is there
"""
import re
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "adapters/system/crash_points.cpp"
NAMES_MIN = 20  # fewer: this no longer reads the source right


def main():
    binary = Path(sys.argv[-1]).read_bytes()
    names = re.findall(r'return "([a-z.]+)";', SOURCE.read_text()) + ["NOVAPAY_CRASH_AT", "crash-points"]
    assert len(names) >= NAMES_MIN and "append.after" in names, names
    assert b"NovaPay: takes payments" in binary, f"{sys.argv[-1]} is not novapay"
    found = [name for name in names if name.encode() in binary]
    wrong = set(names) - set(found) if "--present" in sys.argv else found
    if wrong:
        print(f"{sys.argv[-1]}: crash points {'missing' if '--present' in sys.argv else 'found'}: {', '.join(sorted(wrong))}")
        return 1
    print(f"{sys.argv[-1]}: {len(found)} of {len(names)} names of crash points")
    return 0


if __name__ == "__main__":
    sys.exit(main())
