"""verdict: how a proof that measures says what it found: the figures, then each thing that had to hold, last the result in a line."""
import json


def tell(figures, checks, as_json=False, key=""):
    """Prints it and gives the exit code. `key`: of the figures that the result line shows."""
    failed = [name for name, held in checks.items() if not held]
    if as_json:
        print(json.dumps({"figures": figures, "checks": checks}, indent=2), flush=True)
    else:
        print("".join(f"  {name:22} {value}\n" for name, value in figures.items()), end="")
        print("".join(f"  {'ok  ' if held else 'FAIL'} {name}\n" for name, held in checks.items()), end="")
        shown = ", ".join(f"{name} {figures[name]}" for name in key.split() if name in figures)
        print(f"FAIL: {'; '.join(failed)} ({shown})" if failed else f"ok: {shown}", flush=True)
    return 1 if failed else 0
