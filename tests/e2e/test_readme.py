"""README's session, typed as it stands, gives what README prints (but for ids and times)."""
import re
import subprocess

from server import SOURCE, Server


def session():
    """[(command, output)] of README's console block."""
    block = re.search(r"```console\n(.*?)```", (SOURCE / "README.md").read_text(), re.S).group(1)
    steps = []
    for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
        lines = part.split("\n")
        end = next(i for i, line in enumerate(lines) if not line.endswith("\\") and (i + 1 >= len(lines) or not lines[i + 1].startswith("    ")))
        steps.append(("\n".join(lines[:end + 1]), "\n".join(lines[end + 1:]).strip()))
    return steps


def plain(text):
    text = re.sub(r"\b(pay|cap|ref)_[0-9a-z]{26}", r"\1_ID", text)
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "TIME", text)


def test_the_session_gives_the_printed_output(tmp_path):
    server = Server("sqlite", tmp_path).start()
    try:
        steps = session()
        assert sum(1 for _, output in steps if output) >= 3
        script = "\n".join(f"{command}\necho; echo ==END==" for command, _ in steps)
        script = script.replace("127.0.0.1:8080", f"127.0.0.1:{server.address[1]}").replace("/tmp/payment.json", "payment.json")
        done = subprocess.run(["bash", "-euc", script], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        printed = [part.strip() for part in done.stdout.split("==END==")]
        for (command, output), got in zip(steps, printed):
            assert plain(got) == plain(output), command
    finally:
        server.stop()
