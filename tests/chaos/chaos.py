#!/usr/bin/env python3
"""chaos: NovaPay with two processors that misbehave.

  ./dev chaos --processors [ARGUMENT…]   100,000 payments, a quarter of all calls and webhooks going wrong, three kill -9; then the audit
  ./dev chaos --outage [ARGUMENT…]       one processor dead for a minute under load, in three ways
  ./dev run --processors simulated       the same two processors and a node, to play with

`./dev chaos --processors --help` says what one takes. Exit code 0: everything was shown. 1: something was not. 64: no such run.
"""
import sys
from importlib import import_module

RUNS = {"--processors": "chaos_processors", "--outage": "chaos_outage", "--play": "play"}
EXIT_USAGE = 64


def main(argv):
    if argv[:1] in ([], ["--help"], ["-h"]):
        print(__doc__)
        return 0
    if argv[0] not in RUNS:
        print(f"chaos: there is no run '{argv[0]}'; there are --processors and --outage", file=sys.stderr)
        return EXIT_USAGE
    return import_module(RUNS[argv[0]]).main(argv[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
