"""`python -m sandbox balance-history`: what the balance was, from the ledger, as CSV with `time,credits`.

For a console that is connected now and would otherwise begin with an empty chart.
"""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

from sqlalchemy import select

from sandbox import seed
from sandbox.data_dir import DataDir
from sandbox.db.column_types import utc_now
from sandbox.db.store import Store
from sandbox.db.tables import LedgerEntry

DEFAULT_INTERVAL = 1800


def csv_lines(data_dir: DataDir, every: int = DEFAULT_INTERVAL) -> Iterator[str]:
    """Yield the file's lines: the balance every so many seconds, from the first entry of the ledger up to now."""
    yield "time,credits"
    store = Store(data_dir.database)
    mine = select(LedgerEntry.at, LedgerEntry.amount).where(LedgerEntry.organization_id == seed.ORGANIZATION_ID)
    with store.reading() as session:
        entries = [(at, amount) for at, amount in session.execute(mine.order_by(LedgerEntry.at, LedgerEntry.sequence))]
    store.close()
    for moment, balance in _sample(entries, dt.timedelta(seconds=every), utc_now()):
        yield f"{moment.isoformat()},{balance:f}"


def _sample(
    entries: list[tuple[dt.datetime, Decimal]], every: dt.timedelta, until: dt.datetime
) -> Iterator[tuple[dt.datetime, Decimal]]:
    if not entries:
        return
    balance, place, moment = Decimal(0), 0, entries[0][0]
    while True:
        while place < len(entries) and entries[place][0] <= moment:
            balance += entries[place][1]
            place += 1
        yield moment, balance
        if moment >= until:
            return
        moment = min(moment + every, until)
