#!/usr/bin/env python3
"""house: the rules of the tree that no compiler checks.

  direction   gateway → actors → runtime; adapters see ports and domain values, never each other; nobody sees runtime/node
  library     third-party headers stay in adapters/*/*.cpp and runtime/node/*.cpp; CAF in actors/ and runtime/;
              protobuf in their .cpp and *_wire.hpp; nlohmann also in gateway/*.cpp; actors/domain/ uses the standard library only
  missing     an include that is not written from the repository root, or names no file
  word        runtime/ (bar node/) never says "payment" outside a comment
  hidden      clocks, entropy, sleeps and threads only in adapters/, runtime/node/ and tests/, or with a reason in CLOCKS
  long        no file over 500 lines without a reason in LONG; no entry there without need

Usage: house.py [--self-test] [ROOT]. Prints one line for each violation and exits with 1 if there is any.
"""
import re
import sys
import tempfile
from pathlib import Path

LINES_MAX = 500
LONG = {  # file: why it may be longer
    "gateway/openapi.yaml": "the API's contract is one document",
}
CLOCKS = {  # file: why it may have a clock or threads of its own
    "gateway/exchange.cpp": "how long a request took is reported and nothing is decided by it",
    "runtime/scheduler.hpp": "the threads that actors run on; simulations have a scheduler without any",
    "runtime/scheduler.cpp": "the same",
}

SOURCES = (".cpp", ".hpp", ".h", ".cc")
COUNTED = SOURCES + (".py", ".proto", ".sql", ".yaml", ".yml", ".sh", ".lua")
TOP_FOLDERS = ("actors", "adapters", "gateway", "runtime", "tests")

STANDARD = set("""
algorithm any array atomic barrier bit bitset cassert cctype cerrno cfloat charconv chrono cinttypes climits cmath compare
complex concepts condition_variable coroutine csignal cstdarg cstddef cstdint cstdio cstdlib cstring ctime deque exception
execution filesystem format forward_list fstream functional future initializer_list iomanip ios iosfwd iostream istream
iterator latch limits list locale map memory memory_resource mutex new numbers numeric optional ostream queue random ranges
ratio regex scoped_allocator semaphore set shared_mutex source_location span sstream stack stdexcept stop_token streambuf
string string_view strstream system_error thread tuple type_traits typeindex typeinfo unordered_map unordered_set utility
valarray variant vector version
""".split())
# What an adapter may know of actors/: its port, what is said of a caller, and the domain's values.
PORTS = ("actors/processor.hpp", "actors/webhooks.hpp", "actors/webhook_inbox.hpp", "actors/statement.hpp", "actors/credentials.hpp", "actors/api_key.hpp", "actors/domain/")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
COMMENT_OR_STRING = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^()\s\\]{0,16})\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-zA-Z_])\'(?:\\.|[^\'\\\n])*\'', re.S)
HIDDEN = re.compile(
    r"\b(?:system_clock|steady_clock|high_resolution_clock)\s*::\s*now\b|\brandom_device\b|\bs?rand\s*\(|"
    r"\bstd\s*::\s*(?:thread|jthread|async)\b|\bsleep_(?:for|until)\b|\b(?:u|nano)?sleep\s*\(|"
    r"\bgettimeofday\b|\bclock_gettime\b|\bstd\s*::\s*time\s*\(|\btime\s*\(\s*(?:nullptr|NULL|0)\s*\)|\bgetrandom\s*\(")


def strip(text, strings_too):
    """The code without comments (and without string literals), its line numbers unchanged."""
    def blank(match):
        found = match.group(0)
        if not strings_too and not found.startswith(("//", "/*")):
            return found
        return "\n" * found.count("\n")
    return COMMENT_OR_STRING.sub(blank, text)


def area_of(path):
    """Which row of the rules a file is under."""
    if path.startswith("actors/domain/"):
        return "domain"
    if path.startswith("runtime/node/"):
        return "node"
    return path.split("/", 1)[0]


def may_include_ours(path, target):
    area = area_of(path)
    if target.startswith("runtime/node/"):
        return area == "node"
    if area in ("node", "tests"):
        return True
    if area == "domain":
        return target.startswith("actors/domain/")
    if area == "runtime":
        return target.startswith("runtime/")
    if area == "actors":
        return target.startswith(("actors/", "runtime/"))
    if area == "gateway":
        return target.startswith(("gateway/", "actors/", "runtime/"))
    own = "/".join(path.split("/")[:2]) + "/"
    return target.startswith((own, "runtime/") + PORTS)


def may_include_library(path, header):
    area, source = area_of(path), path.endswith((".cpp", ".cc"))
    if header in STANDARD or area == "tests":
        return True
    if header.startswith("caf/"):
        return area in ("actors", "runtime", "node")
    if header.startswith("nlohmann/"):
        return area == "node" or source and area in ("gateway", "adapters")  # who wires includes nobody's headers but its own
    if header.startswith("google/protobuf/"):
        return source and area in ("actors", "runtime")
    return source and area in ("adapters", "node")


def check_includes(root, path, text):
    for number, line in enumerate(strip(text, strings_too=False).splitlines(), 1):
        found = INCLUDE.match(line)
        if not found:
            continue
        quoted, target = found.group(1) == '"', found.group(2)
        where = f"{path}:{number}"
        if target.split("/", 1)[0] in TOP_FOLDERS:
            generated = target.endswith(".pb.h")
            if not may_include_ours(path, target):
                yield "direction", f"{where}: {area_of(path)} may not include {target}"
            if generated and not (path.endswith((".cpp", "_wire.hpp")) and area_of(path) in ("actors", "runtime", "tests")):
                yield "library", f"{where}: generated protobuf headers belong in .cpp files and *_wire.hpp of actors/ and runtime/"
            if not quoted or not (generated or (root / target).is_file()):
                yield "missing", f"{where}: {target} is to be quoted and to exist"
        elif quoted:
            yield "missing", f'{where}: "{target}" is not written from the repository root'
        elif not may_include_library(path, target):
            yield "library", f"{where}: <{target}> may not be included here"


def check_words(path, text):
    if area_of(path) == "runtime":
        for number, line in enumerate(strip(text, strings_too=False).splitlines(), 1):
            if "payment" in line.lower():
                yield "word", f"{path}:{number}: the runtime does not know what a payment is"
    if area_of(path) in ("runtime", "actors", "domain", "gateway") and path not in CLOCKS:
        for number, line in enumerate(strip(text, strings_too=True).splitlines(), 1):
            found = HIDDEN.search(line)
            if found:
                yield "hidden", f"{path}:{number}: {found.group(0).strip()}: time, entropy and threads come through a port"


def check(root, long_files):
    files = sorted(p for top in TOP_FOLDERS for p in (root / top).rglob("*") if p.is_file())
    counted = {}
    for file in files:
        path = file.relative_to(root).as_posix()
        if "__pycache__" in path or not path.endswith(COUNTED):
            continue
        text = file.read_text(encoding="utf-8", errors="replace")
        counted[path] = text.count("\n")
        if counted[path] > LINES_MAX and path not in long_files:
            yield "long", f"{path}: {counted[path]} lines; split it, or write down why not in {Path(__file__).name}"
        if path.endswith(SOURCES):
            yield from check_includes(root, path, text)
            yield from check_words(path, text)
    for path in long_files:
        if path in counted and counted[path] <= LINES_MAX:
            yield "long", f"{path}: has only {counted[path]} lines; take it off the list in {Path(__file__).name}"


# ---- the check proves itself --------------------------------------------------------------------------------------

CLEAN = {
    "runtime/journal.hpp": '#include <string>\n// what a payment is, nobody here knows\nint journal();\n',
    "runtime/shard.cpp": '#include <caf/all.hpp>\n#include "runtime/journal.hpp"\nint shards = 1\'024; // \'tis "payment"\n',
    "runtime/node/main.cpp": '#include <CLI/CLI.hpp>\n#include "adapters/http/server.hpp"\n#include "gateway/api.hpp"\nauto t = std::chrono::steady_clock::now();\n',
    "actors/domain/money.hpp": "#include <cstdint>\n",
    "actors/domain/money.cpp": '#include "actors/domain/money.hpp"\n',
    "actors/processor.hpp": '#include "actors/domain/money.hpp"\n',
    "actors/codec.cpp": '#include "actors/proto/journal.pb.h"\n#include "runtime/journal.hpp"\n#include <caf/actor.hpp>\n',
    "adapters/http/server.hpp": '#include "runtime/journal.hpp"\n',
    "adapters/http/server.cpp": '#include <boost/beast.hpp>\n#include <sys/socket.h>\n#include "actors/processor.hpp"\nstd::thread t;\n',
    "gateway/api.hpp": '#include "actors/processor.hpp"\n',
    "gateway/api.cpp": '#include <nlohmann/json.hpp>\n#include "gateway/api.hpp"\nauto s = "std::thread"; // random_device\nint runtime(int);\n',
    "tests/unit/main.cpp": '#include <doctest/doctest.h>\n#include "adapters/http/server.hpp"\nstd::thread t;\n',
}
WRONG = [  # (rule, file, content)
    ("direction", "runtime/a.cpp", '#include "actors/processor.hpp"\n'),
    ("direction", "runtime/b.cpp", '#include "gateway/api.hpp"\n'),
    ("direction", "runtime/c.cpp", '  #  include "adapters/http/server.hpp"\n'),
    ("direction", "actors/a.cpp", '#include "gateway/api.hpp"\n'),
    ("direction", "actors/b.hpp", '#include "adapters/http/server.hpp"\n'),
    ("direction", "actors/domain/a.cpp", '#include "runtime/journal.hpp"\n'),
    ("direction", "actors/domain/b.cpp", '#include "actors/processor.hpp"\n'),
    ("direction", "gateway/a.cpp", '#include "adapters/http/server.hpp"\n'),
    ("direction", "adapters/sqlite/a.cpp", '#include "adapters/http/server.hpp"\n'),
    ("direction", "adapters/sqlite/b.cpp", '#include "gateway/api.hpp"\n'),
    ("direction", "adapters/sqlite/c.cpp", '#include "actors/payment_actor.hpp"\n'),
    ("direction", "gateway/b.cpp", '#include "runtime/node/config.hpp"\n'),
    ("direction", "tests/unit/a.cpp", '#include "runtime/node/config.hpp"\n'),
    ("library", "actors/domain/c.cpp", "#include <caf/all.hpp>\n"),
    ("library", "actors/domain/d.hpp", "#include <nlohmann/json.hpp>\n"),
    ("library", "actors/c.hpp", '#include "actors/proto/journal.pb.h"\n'),
    ("library", "actors/d.cpp", "#include <nlohmann/json.hpp>\n"),
    ("library", "runtime/d.cpp", "#include <pqxx/pqxx>\n"),
    ("library", "runtime/e.cpp", "#include <unistd.h>\n"),
    ("library", "gateway/c.hpp", "#include <nlohmann/json.hpp>\n"),
    ("library", "gateway/d.cpp", "#include <boost/asio.hpp>\n"),
    ("library", "gateway/e.cpp", "#include <caf/all.hpp>\n"),
    ("library", "adapters/http/a.hpp", "#include <boost/asio.hpp>\n"),
    ("missing", "gateway/f.cpp", '#include "api.hpp"\n'),
    ("missing", "gateway/g.cpp", '#include "gateway/no_such.hpp"\n'),
    ("missing", "gateway/h.cpp", "#include <gateway/api.hpp>\n"),
    ("word", "runtime/f.cpp", "struct payment_row {};\n"),
    ("word", "runtime/g.cpp", 'auto kind = "Payment";\n'),
    ("hidden", "runtime/h.cpp", "auto t = std::chrono::system_clock::now();\n"),
    ("hidden", "runtime/i.cpp", "auto t = steady_clock::now();\n"),
    ("hidden", "actors/e.cpp", "std::random_device d;\n"),
    ("hidden", "actors/f.cpp", "int x = rand();\n"),
    ("hidden", "actors/domain/e.cpp", "auto t = time(nullptr);\n"),
    ("hidden", "gateway/i.cpp", "/* so */ std::thread worker;\n"),
    ("hidden", "gateway/j.cpp", "std::this_thread::sleep_for(1s);\n"),
    ("long", "gateway/k.cpp", "int x;\n" * (LINES_MAX + 1)),
    ("long", "gateway/l.cpp", "int x;\n"),  # is on the list without need
]


def self_test():
    bad = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)

        def write(path, content):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(content)

        for path, content in CLEAN.items():
            write(path, content)
        write("runtime/node/config.hpp", "")
        write("actors/payment_actor.hpp", "")
        bad += [f"accused without cause: {message}" for _, message in check(root, {})]
        for rule, path, content in WRONG:
            write(path, content)
        found = list(check(root, {"gateway/l.cpp": "none"}))
        for rule, path, _ in WRONG:
            mine = [kind for kind, message in found if message.startswith(path + ":")]
            if mine != [rule]:
                bad.append(f"{path}: expected one '{rule}', found {mine}")
    for line in bad:
        print(f"self-test: {line}")
    if not bad:
        print(f"self-test: {len(WRONG)} violations planted, each found; {len(CLEAN)} innocent files, none accused")
    return not bad


def main():
    arguments = [a for a in sys.argv[1:] if a != "--self-test"]
    if len(arguments) != len(sys.argv) - 1:
        return 0 if self_test() else 1
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parents[2]
    found = list(check(root, LONG))
    for rule, message in found:
        print(f"{rule}: {message}")
    print(f"house: {len(found)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
