#!/usr/bin/env python3
"""run: the long proofs, one after another, each a program of its own: tests/fire/fire_NAME.py.

  ./dev fire                      every proof with its defaults, then a table of the results
  ./dev fire NAME [ARGUMENT…]     one of them; `./dev fire NAME --help` says what it takes
  ./dev fire --list               their names, and what each shows

Exit code 0: everything was shown. 1: something was not; its last lines say what. 64: there is no such proof.
A proof's docstring begins with one line that says what it shows; the last line it prints is its result.
"""
import ast
import signal
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
EXIT_USAGE = 64
STOP_TIMEOUT_S = 30


def proofs():
    """{name: what it shows}"""
    found = {}
    for path in sorted(FOLDER.glob("fire_*.py")):
        doc = ast.get_docstring(ast.parse(path.read_text())) or ""
        found[path.stem.removeprefix("fire_")] = doc.split("\n", 1)[0].split(": ", 1)[-1]
    return found


class Interrupted(Exception):
    pass


def run(name, arguments):
    """(exit code, seconds, last line). Its output passes through as it comes."""
    begun, last = time.monotonic(), ""
    proof = subprocess.Popen([sys.executable, "-u", str(FOLDER / f"fire_{name}.py"), *arguments], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True)
    try:
        for line in proof.stdout:
            print(line, end="", flush=True)
            last = line.strip() or last
        code = proof.wait()
    except Interrupted:
        proof.send_signal(signal.SIGINT)
        try:
            proof.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            proof.kill()
            proof.wait()
        return None, time.monotonic() - begun, "interrupted"
    return code, time.monotonic() - begun, last


def interrupt(*_):
    raise Interrupted()


def table(results):
    wide = max(len(name) for name in results)
    for name, (code, seconds, last) in results.items():
        verdict = "shown" if code == 0 else "NOT SHOWN"
        print(f"{name:{wide}}  {verdict:9}  {seconds:7.1f} s  {last}")


def main(argv):
    known = proofs()
    if argv[:1] in (["--help"], ["-h"]):
        print(__doc__)
        return 0
    if argv[:1] == ["--list"]:
        wide = max(len(name) for name in known)
        for name, shows in known.items():
            print(f"{name:{wide}}  {shows}")
        return 0
    if argv and argv[0] not in known:
        print(f"fire: there is no proof '{argv[0]}'; there are {', '.join(known)}", file=sys.stderr)
        return EXIT_USAGE
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    results = {}
    for name in argv[:1] or known:
        print(f"==> {name}: {known[name]}", flush=True)
        results[name] = run(name, argv[1:])
        if results[name][0] is None:
            break
    print()
    table(results)
    return 0 if all(code == 0 for code, _, _ in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
