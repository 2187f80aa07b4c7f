"""Ten keys of mixed kinds that call at once, by the sandbox's own walk through time: its rows are the truth."""

import datetime as dt
import random
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

from sandbox.demo import past_traffic
from sandbox.demo.call_patterns import BALANCE, STATUS, STATUS_V2, ApiCall, ClientSession, Submission
from sandbox.demo.demo_keys import SDK, DemoKey

WATCHER, MONITOR = "watcher", "monitor"
OPENING = Decimal(90_000)


@dataclass(frozen=True)
class Kind:
    """What a key does every so many seconds; ``polls`` is the path that it asks for the state of its work."""

    every: float
    types: tuple[str, ...] = ()
    contacts: tuple[int, int] = (1, 1)
    polls: str = ""
    receiver: str | None = None
    kind: str = "bulk"


KINDS = {
    "pipeline": Kind(60, ("partial", "partial", "full"), (4, 30), STATUS, "works"),
    "phones": Kind(90, ("phone_only",), (2, 10), "", "works"),
    "full": Kind(80, ("full",), (2, 14), STATUS_V2),
    "crm": Kind(25, ("partial", "full"), polls=STATUS_V2, kind="person"),
    "second crm": Kind(40, ("full",), polls=STATUS_V2, kind="person"),
    "batches": Kind(900, ("full",), (30, 60), STATUS, "works"),
    "silent": Kind(110, ("partial",), (3, 25), STATUS),
    "free": Kind(50, ("none",), (1, 20), STATUS),
    WATCHER: Kind(30),
    MONITOR: Kind(30, polls=BALANCE),
}


def past_of(seed: int, begin: dt.datetime, end: dt.datetime, monkeypatch):
    """Return the rows of what the ten keys did from ``begin`` to ``end``."""
    demo_keys = [DemoKey(name, name, "user_example", "casual", SDK, ("203.0.113.9",), 1) for name in KINDS]
    monkeypatch.setattr(past_traffic, "DEMO_KEYS", demo_keys)
    monkeypatch.setattr(
        past_traffic, "generate_sessions", lambda demo_key, seed, _: _sessions(demo_key, seed, begin, end)
    )
    made = past_traffic.generate_past(
        past_traffic.PastSettings(seed, end, end + dt.timedelta(minutes=3), "org_example", "ll_example", OPENING)
    )
    names = {one.slug: one.key_id(seed) for one in demo_keys}
    _watch(made, names[WATCHER])
    return made, names


def _sessions(demo_key, seed, begin, end):
    rng = random.Random(f"{seed}/{demo_key.slug}")
    kind, at = KINDS[demo_key.slug], begin
    while (at := at + dt.timedelta(seconds=kind.every * rng.uniform(0.5, 1.5))) < end:
        if kind.polls == BALANCE:
            yield ClientSession(at, demo_key, None, [ApiCall(at, "GET", BALANCE, 200, 4)], demo_key.ip_addresses[0])
        elif kind.types:
            yield _working(demo_key, kind, at, rng)


def _working(demo_key, kind, at, rng):
    count = rng.randint(*kind.contacts)
    numbers = [rng.randrange(1100) for _ in range(count)]
    submission = Submission(at, kind.kind, rng.choice(kind.types), numbers, kind.receiver, rng.randint(8, 40))
    polls = [
        ApiCall(at + dt.timedelta(seconds=seconds), "GET", kind.polls, 200, 5, polls_workflow=True)
        for seconds in (2.5, 6)
        if kind.polls
    ]
    return ClientSession(at, demo_key, submission, polls, demo_key.ip_addresses[0])


def _watch(made, key_id):
    """Have one key that starts nothing ask for the work of all others, as a dashboard of the customer would."""
    for number, flow in enumerate(made.workflows):
        at = flow["submitted_at"] + dt.timedelta(seconds=4)
        row = {"id": f"watch-{number}", "key_id": key_id, "organization_id": "org_example", "method": "GET"}
        row |= {"path": STATUS_V2 + flow["id"] if number % 3 == 0 else STATUS, "status_code": 200, "duration_ms": 5}
        made.request_logs.append(row | {"ip_address": "203.0.113.8", "user_agent": SDK, "created_at": at})
    made.request_logs.sort(key=lambda row: row["created_at"])


def truth_of(made: past_traffic.PastRows, since: dt.datetime, until: dt.datetime) -> Counter:
    """Return what each key spent on enrichments that it started in a range, in credits."""
    found: Counter = Counter()
    for flow in made.workflows:
        if since < flow["submitted_at"] <= until:
            found[flow["api_key_id"]] += float(flow["settled"])
    return found
