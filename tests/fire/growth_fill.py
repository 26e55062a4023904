"""growth_fill: millions of payments as NovaPay itself would have stored them.

Some dozens of payments are really made, through the API, in many shapes. Each becomes a template: the bytes of its journal
records, its row and its key, with the places of what makes it this payment (its id, the name its merchant gave it, its
times, its place in its shard's log). A copy gets its own of each: an id of its own time, in the shard its key belongs to,
at the next offsets of that shard's log; everything inside the stored protobufs as well. So a copy can be read, listed and
acted on, its history is replayed to its state, and logs have no gap.
"""
import re
import struct
import subprocess
import threading
from queue import Queue

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
PAIRS = [a + b for a in ALPHABET for b in ALPHABET]
MASK = (1 << 64) - 1
SHARDS = 1024
STEP_BITS = 14                    # copies are moved in time by whole steps of 2^14 ms: the low bytes of times stay
STEP_MS = 1 << STEP_BITS
WEEK_MS = 7 * 24 * 3600 * 1000
KEY_RETENTION_MS = 30 * 24 * 3600 * 1000
NAME_CHARS = 12                   # of the name by which the merchant knows a payment: in key, reference and metadata
OPEN_FOR_MS = {"authorized": int(6.5 * 24 * 3600e3), "partially_captured": int(6.5 * 24 * 3600e3), "requires_action": 20 * 3600 * 1000}
BLOCK = 20_000                    # copies made at a time, at most: those of about a day
BLOCKS_MIN = 200
QUEUED_BLOCKS_MAX = 64
TABLES = ("journal", "entity", "creation_key")


def placement(scope, key):
    """runtime/entity_id.cpp: FNV-1a over the parts, each closed by a zero, then mixed."""
    return finish_placement(add_bytes(add_bytes(0xCBF29CE484222325, scope.encode() + b"\0"), key.encode() + b"\0"))


def add_bytes(state, data):
    for byte in data:
        state = (state ^ byte) * 0x100000001B3 & MASK
    return state


def finish_placement(h):
    h ^= h >> 33
    h = h * 0xFF51AFD7ED558CCD & MASK
    h ^= h >> 33
    h = h * 0xC4CEB9FE1A85EC53 & MASK
    return (h ^ h >> 33) >> 48


def id_text(number):
    """26 digits of base 32, of an id as one number of 128 bits."""
    return "".join([PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])


def high_varint(value):
    """The last four bytes of the varint of a time in ms whose bits from STEP_BITS up are `value`."""
    return (value & 127 | 128 | (value >> 7 & 127 | 128) << 8 | (value >> 14 & 127 | 128) << 16 | value >> 21 << 24).to_bytes(4, "little")


def read_varint(data, at):
    return sum((data[at + n] & 127) << 7 * n for n in range(6))


TIME = re.compile(rb"[\x80-\xff]{5}[\x01-\x7f]")


class Layout:
    """Rows for COPY BINARY, and where in them what has to be put in."""

    def __init__(self):
        self.bytes = bytearray()
        self.places = {}  # what → [position of its first byte]

    def row(self, *fields):
        """A field: bytes, None, or ("what", size) to be put in later, or (bytes, seed) to be searched."""
        self.bytes += struct.pack(">h", len(fields))
        for field in fields:
            if field is None:
                self.bytes += struct.pack(">i", -1)
            elif isinstance(field, tuple) and isinstance(field[0], bytes):
                self.bytes += struct.pack(">i", len(field[0]))
                self._search(*field)
                self.bytes += field[0]
            elif isinstance(field, tuple):
                self.bytes += struct.pack(">i", field[1])
                self.places.setdefault(field[0], []).append(len(self.bytes))
                self.bytes += bytes(field[1])
            else:
                self.bytes += struct.pack(">i", len(field)) + field

    def _search(self, data, seed):
        start = len(self.bytes)
        for what, text in (("text", seed.id_text), ("name", seed.name)):
            for found in re.finditer(re.escape(text.encode()), data):
                self.places.setdefault(what, []).append(start + found.start())
        for at in range(len(data) - 5):  # times overlap with nothing else: six bytes whose value is close to the seed's
            if TIME.match(data, at) and abs(read_varint(data, at) - seed.created_ms) < 30 * 24 * 3600 * 1000:
                self.places.setdefault(("varint", read_varint(data, at) >> STEP_BITS), []).append(start + at + 2)

    def fill(self, count, columns):
        """`count` copies; columns: {what: (size, joined values)}."""
        size = len(self.bytes)
        made = self.bytes * count
        for what, places in self.places.items():
            width, values = columns[what]
            lanes = [values[n::width] for n in range(width)]
            for place in places:
                for n in range(width):
                    made[place + n::size] = lanes[n]
        return made


class Seed:
    """A payment that was really made, as a template."""

    def __init__(self, entity, records, weight):
        self.id = bytes.fromhex(entity["id"])
        self.id_text = id_text(int.from_bytes(self.id))
        self.created_ms = int.from_bytes(self.id[:6])
        self.scope, self.status, self.weight = entity["scope"], entity["status"], weight
        self.name = entity["reference"].removeprefix("r-")
        assert len(self.name) == NAME_CHARS
        self.state_after_prefix = add_bytes(0xCBF29CE484222325, self.scope.encode() + b"\0k-")
        self.open_for_ms = OPEN_FOR_MS.get(self.status, 10 ** 15)
        self.events = len(records)
        self.times = {int(record["at_ms"]) for record in records}
        self.layouts = {table: Layout() for table in TABLES}
        self._lay(entity, records)

    def _lay(self, entity, records):
        journal, rows = self.layouts["journal"], self.layouts["entity"]
        for number, record in enumerate(records):
            journal.row(("shard", 4), (("offset", number), 8), ("epoch", 8), struct.pack(">h", 2), ("id", 16),
                        struct.pack(">q", number + 1), (("at", int(record["at_ms"])), 8), (bytes.fromhex(record["payload"]), self))
        wake = entity["wake_at_ms"]
        if wake:
            self.times.add(int(wake))
        text = {name: entity[name].encode() for name in ("kind", "scope", "status", "unit", "reference", "labels")}
        rows.row(("id", 16), ("shard", 4), text["kind"], struct.pack(">q", int(entity["version"])),
                 (bytes.fromhex(entity["state"]), self), (("at", int(wake)), 8) if wake else None, text["scope"], text["status"],
                 (text["reference"], self), text["unit"], struct.pack(">q", int(entity["amount_minor"])), (b"\1" + text["labels"], self))
        self.layouts["creation_key"].row(("week", 4), text["scope"], (b"k-" + self.name.encode(), self), ("id", 16))


class Logs:
    """The next offset of each shard's log, and the epoch it is written under."""

    def __init__(self, heads=None):
        self.next = [1] * SHARDS
        self.epoch = [0] * SHARDS
        for shard, offset, epoch in heads or ():
            self.next[shard], self.epoch[shard] = offset + 1, epoch


def copies(seed, steps, logs, pick, keys_from_ms):
    """{table: bytes} of one copy of the seed for each of `steps`, moved in time by so many steps."""
    ids, texts, names, shards, epochs, starts, eras, weeks = [], [], [], [], [], [], [], []
    prefix, events, created = seed.state_after_prefix, seed.events, seed.created_ms
    for step in steps:
        name = id_text(pick.getrandbits(60) | 1 << 125)[-NAME_CHARS:]
        placed = finish_placement(add_bytes(prefix, name.encode() + b"\0"))
        at = created + (step << STEP_BITS)
        number = at << 80 | placed << 64 | pick.getrandbits(64)
        shard = placed >> 6
        ids.append(number.to_bytes(16))
        texts.append(id_text(number))
        names.append(name)
        shards.append(shard)
        starts.append(logs.next[shard])
        epochs.append(logs.epoch[shard])
        logs.next[shard] += events
        eras.append(at >> 29)
        weeks.append(at // WEEK_MS)
    count = len(ids)
    columns = {"id": (16, b"".join(ids)), "text": (26, "".join(texts).encode()), "name": (NAME_CHARS, "".join(names).encode()),
               "shard": (4, struct.pack(f">{count}i", *shards)), "epoch": (8, struct.pack(f">{count}q", *epochs)),
               "era": (4, struct.pack(f">{count}i", *eras)), "week": (4, struct.pack(f">{count}i", *weeks))}
    for number in range(events):
        columns["offset", number] = (8, struct.pack(f">{count}q", *[start + number for start in starts]))
    for at in seed.times:
        columns["at", at] = (8, struct.pack(f">{count}q", *[at + (step << STEP_BITS) for step in steps]))
    for layout in (seed.layouts["journal"], seed.layouts["entity"]):
        for what in layout.places:
            if what[0] == "varint":
                columns[what] = (4, b"".join([high_varint(what[1] + step) for step in steps]))
    made = {table: seed.layouts[table].fill(count, columns) for table in ("journal", "entity")}
    kept = sum(created + (step << STEP_BITS) >= keys_from_ms for step in steps)  # the last ones: steps ascend
    if kept:
        latest = {what: (size, values[-size * kept:]) for what, (size, values) in columns.items()}
        made["creation_key"] = seed.layouts["creation_key"].fill(kept, latest)
    return made


def blocks(seeds, count, first_ms, last_ms, now_ms, logs, pick):
    """`count` copies, older ones first, in blocks of {table: bytes}; spread evenly over the time from first_ms to last_ms.

    What is still open (authorized, waiting for its customer) is only copied to times at which it would still be: its timers
    lie ahead."""
    made = 0
    while made < count:
        size = min(BLOCK, max(count // BLOCKS_MIN, 1), count - made)
        begin, end = (first_ms + (last_ms - first_ms) * (made + n) // count for n in (0, size))
        usable = [seed for seed in seeds if begin >= now_ms - seed.open_for_ms]
        numbers = [0] * len(usable)
        for chosen in pick.choices(range(len(usable)), [seed.weight for seed in usable], k=size):
            numbers[chosen] += 1
        block = {table: [] for table in TABLES}
        for seed, number in zip(usable, numbers):
            if number == 0:
                continue
            low = -(-(begin - seed.created_ms) // STEP_MS)
            high = max((end - seed.created_ms) // STEP_MS, low)
            steps = sorted(pick.choices(range(low, high + 1), k=number))
            for table, rows in copies(seed, steps, logs, pick, now_ms - KEY_RETENTION_MS).items():
                block[table].append(rows)
        made += size
        yield made, block


# ---- PostgreSQL ---------------------------------------------------------------------------------------------------

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"


class Copying:
    """One table's COPY, fed by a thread of its own."""

    def __init__(self, connection, table, before=(), options=""):
        commands = [*before, f"copy {table} from stdin (format binary{options})", *(["commit"] if before else [])]
        self.process = subprocess.Popen(
            ["psql", "-qX", "-v", "ON_ERROR_STOP=1", "-d", connection, *[part for c in commands for part in ("-c", c)]],
            stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        self.queue = Queue(QUEUED_BLOCKS_MAX)
        self.thread = threading.Thread(target=self._feed)
        self.thread.start()
        self.queue.put(HEADER)

    def _feed(self):
        try:
            while (data := self.queue.get()) is not None:
                self.process.stdin.write(data)
            self.process.stdin.close()
        except BrokenPipeError:
            while self.queue.get() is not None:
                pass

    def finish(self):
        self.queue.put(TRAILER)
        self.queue.put(None)
        self.thread.join()
        said = self.process.stderr.read().decode()
        if self.process.wait() != 0:
            raise RuntimeError(f"COPY failed: {said}")


def copy_blocks(connection, made, say, begin=None, options=""):
    """Takes in blocks; one COPY for each table. Gives how many payments there were."""
    copying = {table: Copying(connection, table, begin(table) if begin else (), options if table != "creation_key" else "")
               for table in TABLES}
    done = 0
    try:
        for done, block in made:
            for table, parts in block.items():
                for part in parts:
                    copying[table].queue.put(part)
            if done % 500_000 == 0:
                say(f"{done:,} payments copied")
    finally:
        for one in copying.values():
            one.finish()
    return done
