"""`python -m sandbox balance-history`: the history of the balance, from the ledger, as CSV with `time,credits`.

A console that is connected later can import it, and does not start with an empty chart.
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
    """Yield the lines of the file: the balance every `every` seconds, from the first ledger entry up to now."""
    yield "time,credits"
    store = Store(data_dir.database)
    query = (
        select(LedgerEntry.at, LedgerEntry.amount)
        .where(LedgerEntry.organization_id == seed.ORGANIZATION_ID)
        .order_by(LedgerEntry.at, LedgerEntry.sequence)
    )
    with store.reading() as session:
        entries = [(at, amount) for at, amount in session.execute(query)]
    store.close()
    for time, balance in _sample(entries, dt.timedelta(seconds=every), utc_now()):
        yield f"{time.isoformat()},{balance:f}"


def _sample(
    entries: list[tuple[dt.datetime, Decimal]], every: dt.timedelta, until: dt.datetime
) -> Iterator[tuple[dt.datetime, Decimal]]:
    if not entries:
        return
    balance, index, time = Decimal(0), 0, entries[0][0]
    while True:
        while index < len(entries) and entries[index][0] <= time:
            balance += entries[index][1]
            index += 1
        yield time, balance
        if time >= until:
            return
        time = min(time + every, until)
