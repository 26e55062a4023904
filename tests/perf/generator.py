"""generator: runs loadgen (tests/perf/loadgen) against a node and gives what it printed."""
import json
import os
import subprocess
from pathlib import Path

SOURCE = Path(os.environ.get("NOVAPAY_SOURCE_DIR", Path(__file__).resolve().parents[2]))
BINARY = os.environ.get("NOVAPAY_LOADGEN", str(SOURCE / "build/release/bin/loadgen"))

_runs = 0


def start(address, key, *phases, connections=64, cpus=None, more=()):
    """A loadgen under way: a phase is (payments a second, or None for the closed loop; seconds). `cpus`: where it may run."""
    global _runs
    _runs += 1
    command = [BINARY, "--host", address[0], "--port", str(address[1]), "--key", key, "--run", f"p{os.getpid()}r{_runs}x",
               "--connections", str(connections), *more]
    for rate, seconds in phases:
        command += ["--phase", f"{'closed' if rate is None else round(rate, 3)}:{seconds}"]
    pin = (lambda: os.sched_setaffinity(0, cpus)) if cpus else None
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=pin)


def found(process):
    """Waits for its end; what it printed (main.cpp says what that is)."""
    out, _ = process.communicate()
    assert process.returncode == 0, f"loadgen ended with {process.returncode}"
    return json.loads(out)


def run(*where, **how):
    return found(start(*where, **how))
