"""order: is there a legal order of one payment's calls that respects real time?

A small linearizability check. What happened to the payment (the journal's events) are effects: each happens at one instant, a
request's after its first call was made and before the first answer to it, an outcome's before the first answer that knows it. What
clients were shown or refused are observations: each holds at some instant between call and answer. Sought is an order of the
effects, each legal where it stands (story.py), in which every observation finds its instant.

The search goes depth first and tries the journal's own order first. An observation changes nothing, so it is placed as soon as it
holds: only effects branch. A history without an order is one; a search that runs out of steps says so and counts as one too.
"""
import random
from dataclasses import dataclass
from typing import Any, Optional

from history import OK, REFUSED
from story import AUTHORIZE, CAPTURE, CONFIRM, WAITING, Story, subject

STEPS_MAX = 2_000_000   # events applied, over all orders tried
EVER = float("inf")


@dataclass
class Item:
    """An effect or an observation; it happens between `after` and `before`."""
    after: float
    before: float
    what: Any                       # the event, or the call
    chain: Optional[tuple] = None   # of an effect: effects of one operation keep their order

    def __str__(self):
        return str(self.what) if self.chain is None else f"{self.what['what']} of {' '.join(map(str, self.chain))}"


def intents(calls):
    """{key: calls under it}"""
    made = {}
    for call in calls:
        if call.key:
            made.setdefault(call.key, []).append(call)
    return made


def effects_of(events, under):
    """The journal's events with the windows that the calls leave them."""
    made, keys, finished, automatic = [], {}, set(), False
    for event in events:
        what = event["what"]
        if what in WAITING:
            continue
        which = subject(event) or ("payment", 0)
        after, before = -EVER, EVER
        if what == "created":
            keys[which] = event[what]["agreed"]["idempotency_key"]
            automatic = event[what]["agreed"]["capture_method"] == 1
        elif what.endswith("_requested"):
            keys[which] = event[what]["idempotency_key"]
            if which == (CAPTURE, 1) and automatic:  # asked for by the create, or by the confirm that authorized
                keys[which] = keys[AUTHORIZE, 1] if not any(kind == CONFIRM for kind, _ in keys) else None
        calls = under.get(keys.get(which)) or ()
        if what == "created" or what.endswith("_requested"):
            after = min((call.invoked for call in calls if call.outcome != REFUSED), default=-EVER)
            before = min((call.ended for call in calls if call.outcome == OK), default=EVER)
        elif which not in finished:
            before = min((call.ended for call in calls if call.outcome == OK and call.status in (200, 201)), default=EVER)
            finished.add(which)
        made.append(Item(after, before, event, which))
    return made


def observations_of(calls, under, story):
    seen, made = set(), []
    for call in calls:
        if call.outcome == OK and call.answer and call.answer.get("object") == "payment":
            if call.key and (call.key, call.body) in seen:  # the first answer again
                continue
            seen.add((call.key, call.body))
            first = min((other.invoked for other in under.get(call.key, ())), default=call.invoked) if call.key else call.invoked
            made.append(Item(first, call.ended, call))
        elif call.outcome == REFUSED and story.refusal_is_legal(call.operation, call.fields, call.code) is not None:
            made.append(Item(call.invoked, call.ended, call))
    return made


def holds(call, story):
    if call.outcome == OK:
        return story.stage != "none" and story.shows(call.answer)
    return story.refusal_is_legal(call.operation, call.fields, call.code)


class Search:
    def __init__(self, effects, observations):
        self.effects, self.observations = effects, observations
        self.deadlines = sorted([(item.before, False, n) for n, item in enumerate(effects)] +
                                [(item.before, True, n) for n, item in enumerate(observations)])
        self.by_start = sorted(range(len(observations)), key=lambda n: observations[n].after)
        self.previous, last = [], {}
        for n, item in enumerate(effects):
            self.previous.append(last.get(item.chain))
            last[item.chain] = n
        pick = random.Random(1)
        self.mark = [pick.getrandbits(64) for _ in range(len(effects) + len(observations))]
        self.steps = self.deepest = 0
        self.stuck = ""

    def restart(self, path):
        """The state after these effects, in this order."""
        self.story, self.done, self.placed = Story(), bytearray(len(self.effects)), bytearray(len(self.observations))
        self.next_deadline = self.next_start = self.first_open = self.hash = 0
        self.count, self.open = 0, []
        self.settle()
        for n in path:
            self.apply(n)

    def apply(self, n):
        self.steps += 1
        self.story.apply(self.effects[n].what)
        self.done[n] = 1
        self.hash ^= self.mark[n]
        self.count += 1
        self.settle()

    def settle(self):
        """Places every observation that may stand here and holds. `limit` is then the earliest end of what is left: nothing that
        begins later may come next."""
        while True:
            while self.next_deadline < len(self.deadlines):
                _, is_observation, n = self.deadlines[self.next_deadline]
                if not (self.placed if is_observation else self.done)[n]:
                    break
                self.next_deadline += 1
            finished = self.next_deadline == len(self.deadlines)
            self.limit = EVER if finished else self.deadlines[self.next_deadline][0]
            while self.next_start < len(self.by_start) and \
                    self.observations[self.by_start[self.next_start]].after <= self.limit:
                self.open.append(self.by_start[self.next_start])
                self.next_start += 1
            placed = [n for n in self.open if holds(self.observations[n].what, self.story)]
            if not placed:
                return
            for n in placed:
                self.placed[n] = 1
                self.hash ^= self.mark[len(self.effects) + n]
            self.open = [n for n in self.open if not self.placed[n]]

    def candidates(self):
        """What may come next, the journal's choice first. Lazy: whoever asks for more has restored the state."""
        while self.first_open < len(self.effects) and self.done[self.first_open]:
            self.first_open += 1
        for n in range(self.first_open, len(self.effects)):
            item = self.effects[n]
            if self.done[n] or item.after > self.limit or (self.previous[n] is not None and not self.done[self.previous[n]]):
                continue
            if self.story.objection(item.what) is None:
                yield n

    def note_stuck(self):
        if self.count < self.deepest and self.stuck:
            return
        self.deepest = self.count
        blocked = self.deadlines[self.next_deadline] if self.next_deadline < len(self.deadlines) else None
        item = blocked and (self.observations if blocked[1] else self.effects)[blocked[2]]
        now = self.story
        self.stuck = (f"after {self.count} of {len(self.effects)} events (captured {now.captured}, being captured "
                      f"{now.reserved - now.captured}, refunded {now.refunded}, being refunded "
                      f"{now.refunds_reserved - now.refunded} of {now.amount}) there is no place for: {item}")

    def run(self):
        """None if there is an order, else why not."""
        self.restart([])
        path, choices, seen = [], [self.candidates()], {0}
        while self.count < len(self.effects) or not all(self.placed):
            if self.steps > STEPS_MAX:
                return f"no legal order of the calls found in {STEPS_MAX} steps; {self.stuck}"
            n = next(choices[-1], None)
            if n is None:
                self.note_stuck()
                choices.pop()
                if not choices:
                    return f"no legal order of the calls; {self.stuck}"
                path.pop()
                self.restart(path)
                continue
            self.apply(n)
            if self.hash in seen:
                self.restart(path)
                continue
            seen.add(self.hash)
            path.append(n)
            choices.append(self.candidates())
        return None


def explain(events, calls):
    """None if some legal order of these calls explains them, else why there is none. `events` are the journal's, `calls` all
    those about this one payment, its creation included."""
    under = intents(calls)
    return Search(effects_of(events, under), observations_of(calls, under, Story())).run()
