"""Column types of the sandbox's database: UTC datetimes and exact credits, both stored as integers."""

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

JsonObject = dict[str, Any]

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)
DAY_IN_MICROSECONDS = 86_400_000_000
CREDIT_PARTS = 10_000


def utc_now() -> dt.datetime:
    """Return the current time, aware, in UTC."""
    return dt.datetime.now(dt.UTC)


class UtcDateTime(TypeDecorator[dt.datetime]):
    """An aware UTC datetime, stored as microseconds since 1970 so that it sorts and subtracts in SQL."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Refuse naive datetimes: they would silently shift by the machine's zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("the sandbox stores aware datetimes only")
        return (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002
        """Return the datetime in UTC."""
        return None if value is None else EPOCH + dt.timedelta(microseconds=value)


class Credits(TypeDecorator[Decimal]):
    """Credits as an exact Decimal with four places; SQLite has no decimal type, so parts are stored."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | int | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Round to the stored four places."""
        return None if value is None else round(Decimal(value) * CREDIT_PARTS)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:  # noqa: ARG002
        """Return the amount without trailing zeros beyond those that matter."""
        return None if value is None else Decimal(value) / CREDIT_PARTS
