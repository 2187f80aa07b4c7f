"""The sessions of the demo keys hour by hour, before it is known whether the credits suffice.

Every hour of every key has a random generator of its own, seeded with seed, name and hour, so that the same seed
gives the same sessions however many of them are used.
"""

import datetime as dt
import itertools
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sandbox.enrichment import contact_directory
from sandbox.enrichment.contact_directory import EnrichmentType

from .demo_keys import DemoKey

DAYS = 35

BULK = "/api/v1/public/enrich/bulk"
STATUS = "/api/v1/public/enrich/status"
BALANCE = "/api/v1/public/credits/balance"
VALIDATE = "/api/v1/public/auth/validate-key"
DELIVERIES = "/api/v1/public/webhooks/deliveries"
WHOAMI = "/api/v1/public/whoami"
PERSON_V2 = "/api/v2/enrichment/person"
STATUS_V2 = "/api/v2/enrichment/status/"
BALANCE_V2 = "/api/v2/credits/balance"
WHOAMI_V2 = "/api/v2/whoami"

# Typical durations in milliseconds, close to those of this server, so that past and live calls look alike. Other
# paths take DEFAULT_MS. A long tail is added at random.
TYPICAL_MS = {BULK: 24, PERSON_V2: 14, STATUS: 6, DELIVERIES: 9, VALIDATE: 3, BALANCE: 4}
DEFAULT_MS = 5

# A key may create 30 calls a minute (docs); the rest of a burst is answered with 429.
KEY_LIMIT = 30


@dataclass(slots=True)
class ApiCall:
    """One request as the log will show it. `polls_workflow` marks a poll of the session's own workflow."""

    at: dt.datetime
    method: str
    path: str
    status: int
    duration_ms: int
    polls_workflow: bool = False


@dataclass(slots=True)
class Submission:
    """One enrichment to submit. Contacts are given by number; those above the directory's are unknown people."""

    at: dt.datetime
    kind: str
    enrichment_type: EnrichmentType
    numbers: list[int]
    receiver: str | None
    duration_ms: int


@dataclass(slots=True)
class ClientSession:
    """What a client does in one go: calls, and possibly an enrichment."""

    at: dt.datetime
    demo_key: DemoKey
    submission: Submission | None
    calls: list[ApiCall]
    ip_address: str


SessionFactory = Callable[[DemoKey, dt.datetime, random.Random], ClientSession]


def generate_sessions(demo_key: DemoKey, seed: int, anchor: dt.datetime) -> Iterator[ClientSession]:
    """Yield the sessions of one key from 35 days before `anchor` (a full hour) to an hour after it."""
    if demo_key.usage_pattern == "none":
        return
    start = anchor - dt.timedelta(days=min(demo_key.created, DAYS))
    end = anchor - dt.timedelta(days=demo_key.use_ended()) if demo_key.use_ended() else anchor + dt.timedelta(hours=1)
    for hour in range(-24 * DAYS, 1):
        hour_start = anchor + dt.timedelta(hours=hour)
        rng = random.Random(f"{seed}/{demo_key.slug}/{hour}")  # noqa: S311 - a repeatable past, no secret
        for session in _hourly_sessions(demo_key, hour_start, growth_at(hour), rng):
            if start <= session.at < end:
                yield session


def growth_at(hour: int) -> float:
    """Return how busy the customer is `hour` hours from the anchor: traffic grows fourfold over the past."""
    return 0.5 * math.pow(4, (hour + 24 * DAYS) / (24 * DAYS))


def hour_weight(time: dt.datetime) -> float:
    """Return the weight of an hour: high in office hours (UTC) on weekdays, low at night and on weekends."""
    office = math.exp(-(((time.hour - 13) / 4.2) ** 2))
    return (0.12 + office) * (0.3 if time.weekday() >= 5 else 1.0)


def _hourly_sessions(
    demo_key: DemoKey, hour_start: dt.datetime, growth: float, rng: random.Random
) -> Iterator[ClientSession]:
    if demo_key.usage_pattern == "pipeline":
        yield from _spread(4.0 * growth * hour_weight(hour_start), _bulk_session, demo_key, hour_start, rng)
        yield from _spread(6.0 * growth * hour_weight(hour_start), _check_session, demo_key, hour_start, rng)
        yield from _spread(0.12 * hour_weight(hour_start), _burst_session, demo_key, hour_start, rng)
    elif demo_key.usage_pattern == "nightly" and hour_start.hour in {2, 3}:
        yield from _spread(2.0, _batch_session, demo_key, hour_start, rng)
    elif demo_key.usage_pattern == "crm":
        for minute in (0, 15, 30, 45):
            at = hour_start + dt.timedelta(minutes=minute, seconds=rng.uniform(2, 6))
            yield _crm_session(demo_key, at, growth, rng)
    elif demo_key.usage_pattern == "monitor":
        for minute in range(0, 60, 5):
            at = hour_start + dt.timedelta(minutes=minute, seconds=rng.uniform(0, 1.5))
            yield _make_session(demo_key, at, rng, [_make_call(at, "GET", BALANCE, rng)])
    elif demo_key.usage_pattern == "casual":
        yield from _spread(0.5 * hour_weight(hour_start), _casual_session, demo_key, hour_start, rng)


def _spread(
    expected: float, create: SessionFactory, demo_key: DemoKey, hour_start: dt.datetime, rng: random.Random
) -> Iterator[ClientSession]:
    """Create about `expected` sessions, spread over the hour."""
    for _ in range(_poisson(expected, rng)):
        yield create(demo_key, hour_start + dt.timedelta(seconds=rng.uniform(0, 3599)), rng)


def _make_session(
    demo_key: DemoKey,
    at: dt.datetime,
    rng: random.Random,
    calls: list[ApiCall],
    submission: Submission | None = None,
) -> ClientSession:
    return ClientSession(at, demo_key, submission, calls, rng.choice(demo_key.ip_addresses))


def _bulk_session(demo_key: DemoKey, at: dt.datetime, rng: random.Random) -> ClientSession:
    if rng.random() < 0.045:
        return _make_session(demo_key, at, rng, [_make_call(at, "POST", BULK, rng, status=422)])
    return _enrichment_session(demo_key, at, rng, contacts=rng.randint(2, 16), polls=rng.randint(2, 7))


def _batch_session(demo_key: DemoKey, at: dt.datetime, rng: random.Random) -> ClientSession:
    return _enrichment_session(demo_key, at, rng, contacts=rng.randint(35, 70), polls=rng.randint(8, 20))


def _enrichment_session(
    demo_key: DemoKey, at: dt.datetime, rng: random.Random, contacts: int, polls: int
) -> ClientSession:
    submission = _submission(demo_key, at, rng, "bulk", contacts)
    calls = list(_poll_calls(at, STATUS, polls, rng))
    if submission.receiver is not None and rng.random() < 0.2:
        calls.append(_make_call(at + dt.timedelta(seconds=90), "GET", DELIVERIES, rng))
    return _make_session(demo_key, at, rng, calls, submission)


def _crm_session(demo_key: DemoKey, at: dt.datetime, growth: float, rng: random.Random) -> ClientSession:
    calls = [_make_call(at, "GET", BALANCE_V2 if rng.random() < 0.7 else WHOAMI_V2, rng)]
    if rng.random() > 0.35 * growth * (0.3 + hour_weight(at)):
        return _make_session(demo_key, at, rng, calls)
    submitted_at = at + dt.timedelta(seconds=0.4)
    submission = _submission(demo_key, submitted_at, rng, "person", 1)
    polls = _poll_calls(submitted_at, STATUS_V2, rng.randint(2, 3), rng)
    return _make_session(demo_key, at, rng, [*calls, *polls], submission)


def _check_session(demo_key: DemoKey, at: dt.datetime, rng: random.Random) -> ClientSession:
    path = rng.choice((BALANCE, BALANCE, VALIDATE, WHOAMI, DELIVERIES))
    return _make_session(demo_key, at, rng, [_make_call(at, "GET", path, rng)])


def _casual_session(demo_key: DemoKey, at: dt.datetime, rng: random.Random) -> ClientSession:
    if rng.random() < 0.35:
        return _enrichment_session(demo_key, at, rng, contacts=rng.randint(1, 6), polls=rng.randint(1, 5))
    calls = [_make_call(at, "GET", VALIDATE, rng), _make_call(at + dt.timedelta(seconds=2), "GET", BALANCE, rng)]
    if rng.random() < 0.12:
        calls.append(_make_call(at + dt.timedelta(seconds=5), "POST", BULK, rng, status=422))
    return _make_session(demo_key, at, rng, calls)


def _burst_session(demo_key: DemoKey, at: dt.datetime, rng: random.Random) -> ClientSession:
    """Poll without pauses, as a client without backoff does, until well past the rate limit."""
    calls = []
    for number in range(rng.randint(40, 75)):
        time = at + dt.timedelta(seconds=0.55 * number)
        refused = number >= KEY_LIMIT
        calls.append(_make_call(time, "GET", STATUS, rng, status=429 if refused else 200))
    return _make_session(demo_key, at, rng, calls)


def _poll_calls(at: dt.datetime, path: str, count: int, rng: random.Random) -> Iterator[ApiCall]:
    time = at
    for pause in itertools.islice(itertools.cycle((1.5, 2.5, 4.0)), count):
        time += dt.timedelta(seconds=pause * rng.uniform(0.9, 1.4))
        call = _make_call(time, "GET", path, rng)
        call.polls_workflow = True
        yield call


def _submission(demo_key: DemoKey, at: dt.datetime, rng: random.Random, kind: str, contacts: int) -> Submission:
    types, weights = zip(*demo_key.enrichments.items(), strict=True)
    known = contact_directory.CONTACTS
    return Submission(
        at=at,
        kind=kind,
        enrichment_type=rng.choices(types, weights)[0],
        numbers=[known if rng.random() < 0.06 else rng.randrange(known) for _ in range(contacts)],
        receiver=_receiver(demo_key, rng) if kind == "bulk" else None,
        duration_ms=_duration(BULK if kind == "bulk" else PERSON_V2, 200, rng) + contacts // 4,
    )


def _receiver(demo_key: DemoKey, rng: random.Random) -> str | None:
    if not demo_key.webhooks or rng.random() < 0.1:
        return None
    return rng.choices(list(demo_key.webhooks), list(demo_key.webhooks.values()))[0]


def _make_call(at: dt.datetime, method: str, path: str, rng: random.Random, status: int = 200) -> ApiCall:
    if status == 200 and rng.random() < 0.0012:
        status = 500
    return ApiCall(at, method, path, status, _duration(path, status, rng))


def _duration(path: str, status: int, rng: random.Random) -> int:
    if status == 429:
        return rng.randint(1, 4)
    typical = 4 if status == 422 else TYPICAL_MS.get(path, DEFAULT_MS)
    tail = rng.uniform(10, 120) if rng.random() < 0.006 else 1.0
    return max(1, round(typical * rng.lognormvariate(0, 0.45) * tail))


def _poisson(expected: float, rng: random.Random) -> int:
    """Draw from a Poisson distribution by Knuth's method; `expected` is small here."""
    limit, product, count = math.exp(-expected), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count
