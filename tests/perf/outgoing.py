#!/usr/bin/env python3
"""outgoing: what outgoing calls cost: so many under way at once, to a server that answers after a delay.

Usage: outgoing.py [--callgen PROGRAM] [--in-flight N] [--delay-ms N] [--seconds N] [--rounds N]. Prints a line of JSON for each round;
`cores` is the CPU time of the calling process alone.
"""
import argparse
import subprocess
import sys
from pathlib import Path

BUILT = Path(__file__).resolve().parents[2] / "build/release/bin/callgen"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--callgen", default=str(BUILT))
    parser.add_argument("--in-flight", type=int, default=2000)
    parser.add_argument("--delay-ms", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=1)
    asked = parser.parse_args()
    server = subprocess.Popen([asked.callgen, "serve", str(asked.delay_ms)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1/payment_intents"
        for _ in range(asked.rounds):
            done = subprocess.run([asked.callgen, "call", url, str(asked.in_flight), str(asked.seconds)])
            if done.returncode:
                return done.returncode
    finally:
        server.stdin.close()
        server.wait(10)
    return 0


if __name__ == "__main__":
    sys.exit(main())
