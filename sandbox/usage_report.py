"""The usage report: an organization's request log, aggregated in the database."""

import datetime as dt
from typing import Any, Literal

from sqlalchemy import BigInteger, ColumnElement, String, case, cast, func, select, type_coerce
from sqlalchemy.orm import Session

from .db.column_types import utc_now
from .db.tables import RequestLog
from .schemas import Usage, UsageRow

GroupBy = Literal["tool", "key", "day", "error"]


def create_report(session: Session, organization_id: str, days: int, group_by: GroupBy) -> Usage:
    """Count calls and errors (anything but 2xx) of the last `days` days.

    The buckets are the request path, the key's id, the UTC day, or, for "error", the status code; that last
    one has rows for errors only, while the totals count every call. Days come in order, the rest busiest first.
    """
    since = utc_now() - dt.timedelta(days=days)
    failed = ~RequestLog.status_code.between(200, 299)
    errors = func.sum(case((failed, 1), else_=0))
    window = select(func.count(), errors).where(
        RequestLog.organization_id == organization_id, RequestLog.created_at >= since
    )
    calls, total_errors = session.execute(window).one()
    bucket = _bucket(group_by)
    order = [bucket] if group_by == "day" else [func.count().desc(), bucket]
    grouped = window.add_columns(bucket).group_by(bucket).order_by(*order)
    if group_by == "error":
        grouped = grouped.where(failed)
    rows = [
        UsageRow(group=str(group), calls=count, credits_spent=0.0, errors=failures)
        for count, failures, group in session.execute(grouped)
    ]
    return Usage(
        days=days,
        group_by=group_by,
        total_calls=calls,
        total_credits_spent=0.0,
        total_errors=total_errors or 0,
        rows=rows,
    )


def _bucket(group_by: GroupBy) -> ColumnElement[Any]:
    if group_by == "tool":
        return RequestLog.path.expression
    if group_by == "key":
        return RequestLog.key_id.expression
    if group_by == "error":
        return cast(RequestLog.status_code, String)
    seconds = type_coerce(RequestLog.created_at, BigInteger) / 1_000_000
    return func.strftime("%Y-%m-%d", cast(seconds, BigInteger), "unixepoch")
