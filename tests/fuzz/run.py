#!/usr/bin/env python3
"""run.py: fuzzes each target for a while, from the corpus kept in this folder, and prints what was reached.

Judged by: no input broke a promise of its target (fuzz_NAME.cpp), an address, a bound, or libFuzzer's time and memory limits.
One that did is left in build/fuzz/found/ and its trace is printed; once mended, put the file into corpus/TARGET/, where
`./dev test` replays it for ever. What was learnt stays in build/fuzz/corpus/ and is where the next run goes on; --keep adds
the little of it that reaches code the kept corpus does not.
"""
import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
KEPT = HERE / "corpus"
LENGTHS = {"api": 1024, "http": 2048, "json": 2048, "money": 64, "cursor": 512, "journal": 1024, "headers": 1024, "yaml": 1024, "secrets": 256, "stripe": 4096, "adyen": 4096}
MEMORY_MB = 2048  # of the fuzzer, its own records included
SLOWEST_S = 5     # one input may take this long, sanitizers and all


def names():
    return sorted(file.stem.removeprefix("fuzz_") for file in HERE.glob("fuzz_*.cpp"))


def program(build, target):
    return [build / "bin" / f"fuzz_{target}", f"-max_len={LENGTHS.get(target, 1024)}", f"-rss_limit_mb={MEMORY_MB}", f"-timeout={SLOWEST_S}"]


def fuzz(build, target, seconds, seed):
    """Prints one line; False if something was found."""
    learnt, found = build / "corpus" / target, build / "found"
    for folder in (learnt, found):
        folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        program(build, target) + [f"-max_total_time={seconds}", f"-seed={seed}", "-print_final_stats=1", f"-artifact_prefix={found}/{target}-",
                                  learnt, KEPT / target],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    (build / f"{target}.log").write_text(done.stdout)

    def last(what):
        hits = re.findall(what + r" *(\d+)", done.stdout)
        return int(hits[-1]) if hits else 0

    runs, verdict = last("stat::number_of_executed_units:"), "clean" if done.returncode == 0 else "BROKEN"
    print(f"{target:8} {runs:>11,} inputs, {last('stat::average_exec_per_sec:'):>7,}/s, {last(' cov:'):>6,} edges, {last(' ft:'):>6,} features, "
          f"{last('stat::new_units_added:'):>5,} new: {verdict}", flush=True)
    if done.returncode != 0:
        print("\n".join(line for line in done.stdout.splitlines() if not line.startswith("#"))[-6000:])
    return done.returncode == 0 and runs > 0


def keep(build, target):
    """Adds to the kept corpus what of the learnt one reaches more code: each file named by its content."""
    chosen = build / "chosen" / target
    shutil.rmtree(chosen, ignore_errors=True)
    chosen.mkdir(parents=True)
    before = {file.read_bytes() for file in (KEPT / target).iterdir()}
    for file in (KEPT / target).iterdir():
        shutil.copy(file, chosen)
    subprocess.run(program(build, target) + ["-set_cover_merge=1", "-use_counters=0", chosen, build / "corpus" / target], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    new = [file for file in chosen.iterdir() if file.read_bytes() not in before]
    for file in new:
        shutil.copy(file, KEPT / target / file.name[:16])
    print(f"{target:8} {len(new)} kept beside {len(before)}")


def main():
    wanted = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, prog="./dev fuzz")
    wanted.add_argument("targets", metavar="TARGET", nargs="*", help=f"of {', '.join(names())} (default: all of them)")
    wanted.add_argument("--seconds", type=int, default=60, help="for each target (default: 60)")
    wanted.add_argument("--seed", type=int, default=0, help="of libFuzzer's choices (default: a new one each time)")
    wanted.add_argument("--keep", action="store_true", help="add what was learnt to the kept corpora")
    wanted.add_argument("--build", type=Path, default=ROOT / "build/fuzz", help=argparse.SUPPRESS)
    asked = wanted.parse_args()
    unknown = set(asked.targets) - set(names())
    if unknown:
        wanted.error(f"there is no target {', '.join(sorted(unknown))}; there are {', '.join(names())}")
    targets = asked.targets or names()
    clean = [fuzz(asked.build, target, asked.seconds, asked.seed) for target in targets]
    if asked.keep:
        for target in targets:
            keep(asked.build, target)
    print(f"fuzz: {sum(clean)} of {len(targets)} targets clean for {asked.seconds} s each")
    return 0 if all(clean) else 1


if __name__ == "__main__":
    sys.exit(main())
