"""A table of accounts whose truth is known, against what the console says of their readings.

"told": spending is within 1 % of the truth. "range": it cannot be known from what the console sees, and what it says
instead is a range that holds the truth. In each case no top-up of 5 % of the balance is missed, and none is invented.
"""

from decimal import Decimal

import pytest

from tests.usage.synthetic_account import SyntheticAccount, interpretations_of
from usage import burn
from usage.models import BalanceChange, BalanceReading

TABLE = {
    # What finding after finding had shown.
    "a steady burn": ("told", lambda: SyntheticAccount().burn(120)),
    "auto-recharge of 5,000 below a burn of 6,000 an hour": (
        "told",
        lambda: SyntheticAccount(opening=Decimal(4000), minutes=1440, step=10).recharge(1000, 5000, 6000),
    ),
    "auto-recharge of 2,000 below a burn of 3,000 an hour": (
        "told",
        lambda: SyntheticAccount(opening=Decimal(4000), minutes=480, step=5).recharge(1000, 2000, 3000),
    ),
    "3,000, a batch to 250, and 2,500 added twenty minutes later": (
        "told",
        lambda: SyntheticAccount(opening=Decimal(3000)).spend(12, 2750).top_up(32, 2500),
    ),
    "the same with the batch known": (
        "told",
        lambda: SyntheticAccount(opening=Decimal(3000), log=True).bulk(12, cost=2750, told=2).top_up(32, 2500),
    ),
    "20,000, a fall to 110, and 2,500 added, read every five seconds": (
        "told",
        lambda: SyntheticAccount(opening=Decimal(20_000), minutes=8, step=1 / 12).spend(3, 19_890).top_up(4, 2500),
    ),
    "the same with a log that shows nothing": (
        "told",
        lambda: (
            SyntheticAccount(opening=Decimal(20_000), minutes=8, step=1 / 12, log=True).spend(3, 19_890).top_up(4, 2500)
        ),
    ),
    "the same among single credits, where 10,000 were added before": (
        "told",
        lambda: (
            SyntheticAccount(opening=Decimal(200), minutes=10, step=1 / 12)
            .burn(240, every=0.25)
            .top_up(1, 10_000)
            .top_up(3, 10_000)
            .spend(5, 19_890)
            .top_up(6, 2500)
        ),
    ),
    "a settlement after 71 minutes": ("told", lambda: SyntheticAccount(minutes=200).bulk(31, cost=200, takes=71)),
    "a settlement after 71 minutes that is known later": (
        "told",
        lambda: SyntheticAccount(minutes=260, log=True).bulk(31, cost=200, takes=71, told=40),
    ),
    "a settlement after five hours that is known later": (
        "told",
        lambda: SyntheticAccount(minutes=400, log=True).bulk(31, cost=1200, takes=300, told=20),
    ),
    "a settlement after three hours that nobody tells of": (
        "range",
        lambda: SyntheticAccount(minutes=300).bulk(31, cost=731, takes=180),
    ),
    "hourly bulk calls that find little": (
        "told",
        lambda: _bulks(SyntheticAccount(opening=Decimal(7000), minutes=720, step=10), range(22, 720, 60), cost=60),
    ),
    # Auto-recharge that no rise shows.
    "auto-recharge hidden in falls, with the enrichments known": (
        "told",
        lambda: _hidden(SyntheticAccount(opening=Decimal(6000), minutes=600, step=60, log=True), told=5),
    ),
    "auto-recharge hidden in falls, with the cost of a call known": (
        "range",
        lambda: _hidden(SyntheticAccount(opening=Decimal(6000), minutes=600, step=60, log=True), told=5, every=2),
    ),
    "top-ups hidden in even falls, of a size that was seen before": (
        "told",
        lambda: (
            SyntheticAccount(opening=Decimal(15_000), minutes=210, step=10)
            .top_up(75, 800)
            .burn(5400, since=80)
            .top_up(174, 800)
            .top_up(194, 800)
        ),
    ),
    "a top-up hidden in even falls, the first of all": (
        "range",
        lambda: SyntheticAccount(opening=Decimal(30_000), minutes=300, step=10).burn(12_000).top_up(154, 1990),
    ),
    "a top-up and a known batch between two readings": (
        "told",
        lambda: (
            SyntheticAccount(opening=Decimal(4000), minutes=120, log=True)
            .bulk(51, cost=2500, takes=1, told=3)
            .top_up(53, 2000)
        ),
    ),
    # At and below zero.
    "at zero, after refusals": (
        "told",
        lambda: (
            SyntheticAccount(opening=Decimal(600), minutes=300, log=True)
            .bulk(11, contacts=60, kind="phone_only", cost=600)
            .refused(40)
            .refused(80)
            .top_up(201, 480)
        ),
    ),
    "at zero, without a log": (
        "told",
        lambda: SyntheticAccount(opening=Decimal(500), minutes=300).burn(500, until=60).top_up(201, 500),
    ),
    "a negative balance": (
        "told",
        lambda: SyntheticAccount(opening=Decimal(300), minutes=200).burn(400, until=120).top_up(151, 10_000),
    ),
    # While enrichments run.
    "a top-up while known enrichments run": (
        "told",
        lambda: _bulks(SyntheticAccount(minutes=120, log=True), (46, 47, 48), cost=900, takes=6, told=2).top_up(
            51, 10_000
        ),
    ),
    "a top-up while unknown enrichments run": (
        "range",
        lambda: _bulks(SyntheticAccount(minutes=120), (46, 47, 48), cost=900, takes=6).top_up(51, 10_000),
    ),
    "auto-recharge among known bulk calls": (
        "told",
        lambda: _bulk_recharge(SyntheticAccount(opening=Decimal(2000), minutes=300, log=True), told=4),
    ),
    "auto-recharge among bulk calls of the log": (
        "range",
        lambda: _bulk_recharge(SyntheticAccount(opening=Decimal(2000), minutes=300, log=True)),
    ),
    "auto-recharge among bulk calls that nobody shows": (
        "range",
        lambda: _bulk_recharge(SyntheticAccount(opening=Decimal(2000), minutes=300)),
    ),
    # What comes back, and is no top-up.
    "enrichments that fail and give all back": (
        "told",
        lambda: _bulks(SyntheticAccount(minutes=300), range(20, 280, 40), cost=0),
    ),
    "a refund for earlier work": (
        "range",
        lambda: SyntheticAccount(minutes=300).burn(600, until=120).give_back(201, 290),
    ),
    "fifteen enrichments that end in one minute": (
        "told",
        lambda: _stalled(SyntheticAccount(opening=Decimal(60_000), minutes=120, step=1)),
    ),
    "a nightly batch of many calls": (
        "told",
        lambda: _bulks(SyntheticAccount(opening=Decimal(60_000), minutes=240), range(60, 120, 4), cost=1300, takes=9),
    ),
    "calls between two readings that settle at once": (
        "told",
        lambda: _bulks(SyntheticAccount(minutes=240, log=True), range(10, 230, 7), cost=33, takes=0.2),
    ),
    "what ran before the first reading": ("told", lambda: SyntheticAccount(minutes=100).comes_back(12, 700)),
    # Small top-ups among small enrichments: what comes back was taken before.
    "a top-up beyond all that small enrichments have taken": (
        "told",
        lambda: _small(SyntheticAccount(opening=Decimal(9050), minutes=120, log=True)).top_up(72, 343),
    ),
    "the same while two enrichments run": (
        "told",
        lambda: _bulks(
            SyntheticAccount(opening=Decimal(9050), minutes=120, log=True),
            (61, 62),
            contacts=18,
            kind="partial",
            cost=4,
            takes=30,
        ).top_up(72, 343),
    ),
    "the same in the minute in which a known one ends": (
        "told",
        lambda: (
            SyntheticAccount(opening=Decimal(9050), minutes=120, log=True)
            .bulk(61, contacts=30, kind="partial", cost=11, takes=10, told=2)
            .top_up(72, 343)
        ),
    ),
    "more than all falls since the first reading": (
        "range",
        lambda: SyntheticAccount(opening=Decimal(9050), minutes=120).burn(12).top_up(32, 343),
    ),
    "a top-up that an open reservation could have given back": (
        "range",
        lambda: (
            _bulks(
                SyntheticAccount(opening=Decimal(1000), minutes=120, log=True),
                range(5, 60, 10),
                contacts=30,
                kind="partial",
                cost=11,
                told=1,
            )
            .bulk(71, contacts=30, kind="partial", cost=30, takes=30)
            .top_up(77, 19)
        ),
    ),
    # Sizes.
    "a top-up of a twentieth": (
        "told",
        lambda: SyntheticAccount(opening=Decimal(4000), minutes=200).burn(60).top_up(121, 200),
    ),
    "two top-ups at once": (
        "told",
        lambda: SyntheticAccount(opening=Decimal(900)).burn(60).top_up(61, 5000).top_up(61.5, 5000),
    ),
    "small top-ups in a row": (
        "told",
        lambda: (
            SyntheticAccount(opening=Decimal(900), minutes=240)
            .burn(60)
            .top_up(101, 500)
            .top_up(106, 500)
            .top_up(111, 500)
        ),
    ),
    "an odd top-up while nothing runs": (
        "told",
        lambda: SyntheticAccount(opening=Decimal(2000), minutes=240, log=True).burn(12).top_up(151, 9873),
    ),
    "an odd top-up without a log": (
        "told",
        lambda: SyntheticAccount(opening=Decimal(2000), minutes=240).burn(60).top_up(151, 9873),
    ),
    "a monthly grant": (
        "told",
        lambda: SyntheticAccount(opening=Decimal(7310), minutes=300).burn(20).top_up(200.5, 20_000),
    ),
    "a huge balance": (
        "told",
        lambda: SyntheticAccount(opening=Decimal(9 * 10**12), minutes=120).burn(6 * 10**9).top_up(61, 10**12),
    ),
    "fractions of credits": (
        "told",
        lambda: SyntheticAccount(opening=Decimal("100.123456"), minutes=120).burn(1.234567).top_up(61, Decimal("50.5")),
    ),
    # Readings that are missing or odd.
    "a gap with a top-up in it": (
        "range",
        lambda: (
            SyntheticAccount(opening=Decimal(3000), minutes=900, step=10, blind=[(400, 760)])
            .burn(120)
            .top_up(500, 10_000)
        ),
    ),
    "a gap without one": ("told", lambda: SyntheticAccount(minutes=900, step=10, blind=[(400, 760)]).burn(120)),
    "a small top-up in a gap, below what is usually spent": (
        "range",
        lambda: (
            SyntheticAccount(opening=Decimal(3000), minutes=900, step=10, blind=[(400, 760)]).burn(120).top_up(500, 600)
        ),
    ),
    "readings out of order": (
        "told",
        lambda: SyntheticAccount(minutes=120, strange=[(62, 20, 9_999_999), (90, 88, 1)]).burn(120),
    ),
    "a reading from the future": ("told", lambda: SyntheticAccount(minutes=120).burn(120).top_up(61, 4000)),
}


def _bulks(account, minutes, **facts):
    for minute in minutes:
        account.bulk(minute, **facts)
    return account


def _small(account):
    """Enrichments of 30 credits, each with one of a single credit that begins as it gives back 19."""
    for minute in range(11, 70, 20):
        account.bulk(minute, contacts=30, kind="partial", cost=11, takes=5.5)
        account.bulk(minute + 5, contacts=1, kind="partial", cost=1, takes=5.5)
    return account


def _hidden(account, told, every=1):
    """Two bulk calls an hour that cost 2,500 each, and a recharge of 4,000 in most hours."""
    left = account.opening
    for number, minute in enumerate(range(10, account.minutes, 30)):
        account.bulk(minute, cost=2500, takes=2, told=told if number % every == 0 else None)
        left -= 2500
        if left < 3000:
            account.top_up(minute + 5, 4000)
            left += 4000
    return account


def _bulk_recharge(account, told=None):
    """A bulk call of 250 contacts every ten minutes that costs 170, and 1,500 added below 500."""
    left = account.opening
    for minute in range(3, account.minutes, 10):
        account.bulk(minute, kind="partial", cost=170, takes=1, told=told)
        left -= 170
        if left < 500:
            account.top_up(minute + 4, 1500)
            left += 1500
    return account


def _stalled(account):
    for number in range(15):
        account.bulk(20 + number, cost=1200 + 17 * number, takes=40.5 - number)
    return account


@pytest.fixture(params=TABLE)
def played(request, workspace):
    kind, make = TABLE[request.param]
    return kind, make().play(workspace)


def test_what_was_spent_is_told_or_lies_in_the_range_that_is_stated(played, workspace):
    kind, account = played
    truth = account.spent
    found = burn.spent_between(workspace, account.at(-1), account.at(account.minutes + 5))
    changes = [
        (
            round((row.until - account.begin).total_seconds() / 60),
            row.delta,
            row.topped_up,
            row.top_up_low,
            row.top_up_high,
            row.certainty,
            row.why,
        )
        for row in interpretations_of(workspace)
    ]
    slack = Decimal("0.0001") * BalanceChange.objects.count()
    assert found.low - slack <= truth <= found.high + slack, (truth, found, changes)
    if kind == "told":
        assert abs(found.credits - truth) <= max(slack, truth / 100), (truth, found, changes)
    _misses_none(account, workspace, changes)
    _invents_none(account, workspace, changes)


def _misses_none(account, workspace, shown):
    rows = interpretations_of(workspace)
    for minute, amount in account.top_ups:
        if amount >= account.balance(minute - 0.01) / 20:
            at = account.at(minute)
            held = [row for row in rows if row.since <= at <= row.until]
            assert held, (minute, amount, shown)
            assert held[0].top_up_high >= amount * Decimal("0.99"), (minute, amount, shown)


def _invents_none(account, workspace, shown):
    moments = [account.at(minute) for minute, _ in (*account.top_ups, *account.gifts)]
    counted = BalanceChange.objects.of(workspace).top_ups()
    invented = [row for row in counted if not any(row.since <= at <= row.until for at in moments)]
    assert invented == [], shown


def test_fractions_beyond_what_is_stored_make_no_row_a_reading(workspace):
    SyntheticAccount(opening=Decimal("100.123456"), minutes=60).play(workspace)
    assert BalanceReading.objects.count() == 1
