"""machine: CPU time from /proc, and what kind of machine this is."""
import os
import platform
import statistics
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def stat_fields(pid):
    """Of /proc/PID/stat, those after the name (which may hold blanks); [] if it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def cpu_of(pid):
    """Seconds, user and system, of a process with all its threads."""
    fields = stat_fields(pid)
    return sum(map(int, fields[11:13])) / TICK if fields else 0.0


def cpu_of_threads(pid):
    """{thread id: seconds}."""
    return {thread: sum(map(int, fields[11:13])) / TICK for thread in os.listdir(f"/proc/{pid}/task")
            if (fields := stat_fields(f"{pid}/task/{thread}"))}


def cpu_of_family(pid):
    """Of a process, its children now, and its children that have ended."""
    own = stat_fields(pid)
    total = sum(map(int, own[11:15]))
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = stat_fields(entry)
            if fields and int(fields[1]) == pid:
                total += sum(map(int, fields[11:15]))
    return total / TICK


def family_of(pid):
    """A process and its children now."""
    return [pid] + [int(entry) for entry in os.listdir("/proc")
                    if entry.isdigit() and (fields := stat_fields(entry)) and int(fields[1]) == pid]


def pin_family(pid, cores):
    """A process and its children now; those to come inherit it."""
    for one in family_of(pid):
        os.sched_setaffinity(one, cores)


def memory_kb(pid, what="VmRSS"):
    """Of /proc/PID/status: VmRSS (resident now), VmHWM (the most it ever was)."""
    return next(int(line.split()[1]) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(what + ":"))


def busy_cpu():
    """Seconds that any core has worked since boot: all but idle and waiting for I/O."""
    fields = list(map(int, Path("/proc/stat").read_text().splitlines()[0].split()[1:9]))
    return (sum(fields) - fields[3] - fields[4]) / TICK


def fdatasync_ms(folder, times=200):
    """Median and 99th percentile of writing 8 KiB durably, in place."""
    path = Path(folder) / "fdatasync"
    took = []
    with open(path, "wb", buffering=0) as file:
        file.write(bytes(1 << 20))
        os.fsync(file.fileno())
        for turn in range(times):
            file.seek(turn % 128 * 8192)
            begun = time.perf_counter()
            file.write(bytes(8192))
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - begun) * 1000)
    path.unlink()
    return statistics.median(took), sorted(took)[int(times * 0.99)]


def describe(folder, postgres):
    from server import psql
    cpu = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.machine())
    memory = int(next(line.split()[1] for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal")))
    version, durable, fsync = psql("select current_setting('server_version'), current_setting('synchronous_commit'), "
                                   "current_setting('fsync')", postgres)[0]
    middle, worst = fdatasync_ms(folder)
    return (f"{os.cpu_count()} cores ({cpu}), {memory / 1024 / 1024:.1f} GiB, Linux {platform.release()}; fdatasync of 8 KiB "
            f"p50 {middle:.2f} ms, p99 {worst:.2f} ms\nPostgreSQL {version}, synchronous_commit={durable}, fsync={fsync}; "
            f"SQLite, synchronous=FULL; server, database and load generator on this machine")
