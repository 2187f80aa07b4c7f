"""What the cast did hour by hour: sessions of calls, before anybody knows whether the credits sufficed.

Every hour of every character has its own random generator, seeded with seed, name and hour, so that the same
seed gives the same sessions however many of them are used.
"""

import datetime as dt
import itertools
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sandbox import directory
from sandbox.directory import EnrichmentType

from .characters import Character

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

# Usual answer times in milliseconds, near what this server itself takes, so that the past and the live calls
# look alike; what is not named takes DEFAULT_MS. A long tail is drawn on top.
USUAL_MS = {BULK: 24, PERSON_V2: 14, STATUS: 6, DELIVERIES: 9, VALIDATE: 3, BALANCE: 4}
DEFAULT_MS = 5

# A key may make 30 calls a minute (docs): what a burst sends beyond is answered with 429.
KEY_LIMIT = 30


@dataclass(slots=True)
class Call:
    """One request as the log will show it. `follows` marks a poll of the session's own workflow."""

    at: dt.datetime
    method: str
    path: str
    status: int
    duration_ms: int
    follows: bool = False


@dataclass(slots=True)
class Submission:
    """One enrichment to be: contacts by their number; numbers above the directory's are unknown people."""

    at: dt.datetime
    kind: str
    enrichment_type: EnrichmentType
    numbers: list[int]
    receiver: str | None
    duration_ms: int


@dataclass(slots=True)
class Session:
    """What a client does in one go: perhaps an enrichment, and the calls around it."""

    at: dt.datetime
    character: Character
    submission: Submission | None
    calls: list[Call]
    address: str


Maker = Callable[[Character, dt.datetime, random.Random], Session]


def sessions(character: Character, seed: int, anchor: dt.datetime) -> Iterator[Session]:
    """Yield the sessions of one character from 35 days before `anchor` (a full hour) to an hour after it."""
    if character.habit == "none":
        return
    first = anchor - dt.timedelta(days=min(character.created, DAYS))
    last = anchor - dt.timedelta(days=character.ends()) if character.ends() else anchor + dt.timedelta(hours=1)
    for hour in range(-24 * DAYS, 1):
        opening = anchor + dt.timedelta(hours=hour)
        rng = random.Random(f"{seed}/{character.slug}/{hour}")  # noqa: S311 - a repeatable past, no secret
        for session in _hour(character, opening, growth(hour), rng):
            if first <= session.at < last:
                yield session


def growth(hour: int) -> float:
    """Return how busy the customer is, `hour` hours from the anchor: traffic has grown fourfold."""
    return 0.5 * math.pow(4, (hour + 24 * DAYS) / (24 * DAYS))


def daily(moment: dt.datetime) -> float:
    """Return the weight of an hour: office hours (UTC) on weekdays are heavy, nights and weekends light."""
    office = math.exp(-(((moment.hour - 13) / 4.2) ** 2))
    return (0.12 + office) * (0.3 if moment.weekday() >= 5 else 1.0)


def _hour(character: Character, opening: dt.datetime, growing: float, rng: random.Random) -> Iterator[Session]:
    if character.habit == "pipeline":
        yield from _many(4.0 * growing * daily(opening), _bulk_session, character, opening, rng)
        yield from _many(6.0 * growing * daily(opening), _check_session, character, opening, rng)
        yield from _many(0.12 * daily(opening), _burst, character, opening, rng)
    elif character.habit == "nightly" and opening.hour in {2, 3}:
        yield from _many(2.0, _batch_session, character, opening, rng)
    elif character.habit == "crm":
        for minute in (0, 15, 30, 45):
            at = opening + dt.timedelta(minutes=minute, seconds=rng.uniform(2, 6))
            yield _crm_session(character, at, growing, rng)
    elif character.habit == "monitor":
        for minute in range(0, 60, 5):
            at = opening + dt.timedelta(minutes=minute, seconds=rng.uniform(0, 1.5))
            yield _session(character, at, rng, [_call(at, "GET", BALANCE, rng)])
    elif character.habit == "casual":
        yield from _many(0.5 * daily(opening), _casual_session, character, opening, rng)


def _many(
    expected: float, make: Maker, character: Character, opening: dt.datetime, rng: random.Random
) -> Iterator[Session]:
    """Make about `expected` sessions, spread over the hour."""
    for _ in range(_poisson(expected, rng)):
        yield make(character, opening + dt.timedelta(seconds=rng.uniform(0, 3599)), rng)


def _session(
    character: Character,
    at: dt.datetime,
    rng: random.Random,
    calls: list[Call],
    submission: Submission | None = None,
) -> Session:
    return Session(at, character, submission, calls, rng.choice(character.addresses))


def _bulk_session(character: Character, at: dt.datetime, rng: random.Random) -> Session:
    if rng.random() < 0.045:
        return _session(character, at, rng, [_call(at, "POST", BULK, rng, status=422)])
    return _enriching(character, at, rng, contacts=rng.randint(2, 16), polls=rng.randint(2, 7))


def _batch_session(character: Character, at: dt.datetime, rng: random.Random) -> Session:
    return _enriching(character, at, rng, contacts=rng.randint(35, 70), polls=rng.randint(8, 20))


def _enriching(character: Character, at: dt.datetime, rng: random.Random, contacts: int, polls: int) -> Session:
    submission = _submission(character, at, rng, "bulk", contacts)
    calls = list(_polls(at, STATUS, polls, rng))
    if submission.receiver is not None and rng.random() < 0.2:
        calls.append(_call(at + dt.timedelta(seconds=90), "GET", DELIVERIES, rng))
    return _session(character, at, rng, calls, submission)


def _crm_session(character: Character, at: dt.datetime, growing: float, rng: random.Random) -> Session:
    calls = [_call(at, "GET", BALANCE_V2 if rng.random() < 0.7 else WHOAMI_V2, rng)]
    if rng.random() > 0.35 * growing * (0.3 + daily(at)):
        return _session(character, at, rng, calls)
    start = at + dt.timedelta(seconds=0.4)
    submission = _submission(character, start, rng, "person", 1)
    return _session(character, at, rng, [*calls, *_polls(start, STATUS_V2, rng.randint(2, 3), rng)], submission)


def _check_session(character: Character, at: dt.datetime, rng: random.Random) -> Session:
    path = rng.choice((BALANCE, BALANCE, VALIDATE, WHOAMI, DELIVERIES))
    return _session(character, at, rng, [_call(at, "GET", path, rng)])


def _casual_session(character: Character, at: dt.datetime, rng: random.Random) -> Session:
    if rng.random() < 0.35:
        return _enriching(character, at, rng, contacts=rng.randint(1, 6), polls=rng.randint(1, 5))
    calls = [_call(at, "GET", VALIDATE, rng), _call(at + dt.timedelta(seconds=2), "GET", BALANCE, rng)]
    if rng.random() < 0.12:
        calls.append(_call(at + dt.timedelta(seconds=5), "POST", BULK, rng, status=422))
    return _session(character, at, rng, calls)


def _burst(character: Character, at: dt.datetime, rng: random.Random) -> Session:
    """Poll without any pause, as a client without backoff does, until well past the limit."""
    calls = []
    for number in range(rng.randint(40, 75)):
        moment = at + dt.timedelta(seconds=0.55 * number)
        refused = number >= KEY_LIMIT
        calls.append(_call(moment, "GET", STATUS, rng, status=429 if refused else 200))
    return _session(character, at, rng, calls)


def _polls(at: dt.datetime, path: str, count: int, rng: random.Random) -> Iterator[Call]:
    moment = at
    for pause in itertools.islice(itertools.cycle((1.5, 2.5, 4.0)), count):
        moment += dt.timedelta(seconds=pause * rng.uniform(0.9, 1.4))
        call = _call(moment, "GET", path, rng)
        call.follows = True
        yield call


def _submission(character: Character, at: dt.datetime, rng: random.Random, kind: str, contacts: int) -> Submission:
    types, weights = zip(*character.enrichments.items(), strict=True)
    known = directory.CONTACTS
    return Submission(
        at=at,
        kind=kind,
        enrichment_type=rng.choices(types, weights)[0],
        numbers=[known if rng.random() < 0.06 else rng.randrange(known) for _ in range(contacts)],
        receiver=_receiver(character, rng) if kind == "bulk" else None,
        duration_ms=_duration(BULK if kind == "bulk" else PERSON_V2, 200, rng) + contacts // 4,
    )


def _receiver(character: Character, rng: random.Random) -> str | None:
    if not character.webhooks or rng.random() < 0.1:
        return None
    return rng.choices(list(character.webhooks), list(character.webhooks.values()))[0]


def _call(at: dt.datetime, method: str, path: str, rng: random.Random, status: int = 200) -> Call:
    if status == 200 and rng.random() < 0.0012:
        status = 500
    return Call(at, method, path, status, _duration(path, status, rng))


def _duration(path: str, status: int, rng: random.Random) -> int:
    if status == 429:
        return rng.randint(1, 4)
    usual = 4 if status == 422 else USUAL_MS.get(path, DEFAULT_MS)
    tail = rng.uniform(10, 120) if rng.random() < 0.006 else 1.0
    return max(1, round(usual * rng.lognormvariate(0, 0.45) * tail))


def _poisson(expected: float, rng: random.Random) -> int:
    """Draw by Knuth's method; `expected` is small here."""
    limit, product, count = math.exp(-expected), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count
