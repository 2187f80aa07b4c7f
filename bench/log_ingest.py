"""How fast pages of 500 log rows are ingested, beside the simple ways of storing rows and nothing else.

Run: python -m bench.log_ingest [pages]. SQLite by default; with DATABASE_URL, a scratch database beside that one.
"the console" decodes the page, tells new rows from known ones, stores them, looks for gaps, and keeps counts and
rollups of key and workspace; the others decode and store. Rows a second count every row of a page, new or not. All
ways take turns page by page, so that what else the machine does meets each of them; the figure is the median page.
"""

import os
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter
from typing import Any

os.environ |= {"ENV_FILE": "", "VAR_DIR": tempfile.mkdtemp(prefix="log-ingest-"), "LOG_LEVEL": "ERROR"}
if os.environ.get("DATABASE_URL"):
    from core.secret_files import generate_secret

    os.environ |= {"SECRET_KEY": generate_secret("django"), "ENCRYPTION_KEYS": generate_secret("fernet")}
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

import django

django.setup()

import msgspec  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.db.models import QuerySet  # noqa: E402

from cleanlist import RequestLogEntry  # noqa: E402
from keys.log.ingest import pages as log_ingest  # noqa: E402
from keys.log.models import partitions  # noqa: E402
from keys.models import ApiKey, LoggedRequest  # noqa: E402
from keys.models.key import key_uuid  # noqa: E402
from workspaces.models import Workspace  # noqa: E402

PAGE, OVERLAP_STEADY, OVERLAP_FRESH = 500, 450, 1
MOST_SLOW = 3  # pages for get_or_create, which is so slow that more would show nothing new
START = datetime(2026, 10, 1, tzinfo=UTC)  # all of a run lies in this month
PATHS = ("enrich/bulk", "enrich/status?workflow_id=public_bulk_1", "credits/balance", "whoami")
COLUMNS = (
    "key_id", "workspace_id", "upstream_id", "method", "path", "status_code",
    "duration_ms", "ip_address", "user_agent", "created_at", "is_own_call",
)  # fmt: skip
decode = msgspec.json.Decoder(list[RequestLogEntry]).decode


def page(first: int) -> bytes:
    """Return a page of upstream's, newest first, that begins at row ``first`` of an endless log of two a second."""
    rows = [
        {
            "id": f"6f9619ff-8b86-4d01-b42d-{number:012d}",
            "method": "POST",
            "path": f"/api/v1/public/{PATHS[number % 4]}",
            "status_code": 200 if number % 20 else 429,
            "duration_ms": 20 + number * 7919 % 900,
            "ip_address": f"203.0.113.{number % 5}",
            "user_agent": "python-requests/2.32.0",
            "created_at": START + timedelta(seconds=number / 2),
        }
        for number in range(first, first + PAGE)
    ]
    return msgspec.json.encode(rows[::-1])


def ingest_by_console(key: ApiKey, body: bytes) -> None:
    with transaction.atomic():
        log_ingest.ingest_page(key.workspace, key.upstream_id, decode(body), START)


def rows_of(key: ApiKey, body: bytes) -> list[LoggedRequest]:
    return [
        LoggedRequest(
            key=key, workspace_id=key.workspace_id, upstream_id=row.id, method=row.method, path=row.path,
            status_code=row.status_code, duration_ms=round(row.duration_ms), ip_address=row.ip_address,
            user_agent=row.user_agent, created_at=row.created_at,
        )
        for row in decode(body)
    ]  # fmt: skip


def get_or_create(key: ApiKey, body: bytes) -> None:
    with transaction.atomic():
        for row in rows_of(key, body):
            known = {name: getattr(row, name) for name in COLUMNS if name not in {"key_id", "upstream_id"}}
            QuerySet(LoggedRequest).get_or_create(key=key, upstream_id=row.upstream_id, defaults=known)


def bulk_create(key: ApiKey, body: bytes) -> None:
    with transaction.atomic():
        # Django's own: the model's notes what occurs in the rows as well.
        QuerySet(LoggedRequest).bulk_create(rows_of(key, body), ignore_conflicts=True)


def copy(key: ApiKey, body: bytes) -> None:
    names = ", ".join(COLUMNS)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE IF NOT EXISTS page (LIKE keys_loggedrequest) ON COMMIT DELETE ROWS;"
            "ALTER TABLE page ALTER id DROP NOT NULL"
        )
        with cursor.copy(f"COPY page ({names}) FROM STDIN") as sink:
            for row in decode(body):
                sink.write_row((
                    key.pk, key.workspace_id, row.id, row.method, row.path, row.status_code,
                    round(row.duration_ms), row.ip_address, row.user_agent, row.created_at, False,
                ))  # fmt: skip
        cursor.execute(
            f"INSERT INTO keys_loggedrequest ({names}) SELECT {names} FROM page ON CONFLICT DO NOTHING"  # noqa: S608
        )


def make_key(workspace: Workspace, number: int) -> ApiKey:
    name = f"00000000-0000-4000-8000-{number:012d}"
    before = START - timedelta(days=1)
    known: dict[str, Any] = {"captured_since": before, "first_seen_at": before, "read_at": before}
    # As the key list tells it, so that counts are compared as with any key in use.
    known |= {"request_count": 1_000_000, "last_used_at": START + timedelta(days=30)}
    return ApiKey.objects.create(workspace=workspace, upstream_id=name, key_id=key_uuid(name), **known)


def measure(workspace: Workspace, pages: int, overlap: int) -> dict[str, float]:
    ways = {"the console": ingest_by_console, "get_or_create": get_or_create, "bulk_create": bulk_create}
    if connection.vendor == "postgresql":
        ways["COPY and insert"] = copy
    partitions.ensure([START])
    keys = {name: make_key(workspace, ApiKey.objects.count()) for name in ways}
    took: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(pages + 1):
        body = page(number * (PAGE - overlap))
        for name, store in ways.items():
            if name == "get_or_create" and number > MOST_SLOW:
                continue
            began = perf_counter()
            store(keys[name], body)
            took[name].append(perf_counter() - began)
    for name, key in keys.items():
        count = min(pages, MOST_SLOW) if name == "get_or_create" else pages
        assert LoggedRequest.objects.filter(key=key).count() == PAGE + count * (PAGE - overlap)
    return {name: PAGE / median(times[1:]) for name, times in took.items()}


def main(pages: int) -> None:
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        workspace = Workspace.objects.create(name="Bench", slug="bench", base_url="http://127.0.0.1:9")
        for title, overlap in (("fresh pages", OVERLAP_FRESH), ("steady polling, 50 new of 500", OVERLAP_STEADY)):
            speeds = measure(workspace, pages, overlap)
            print(f"{connection.vendor}, {title}, {pages} pages:")
            for name, speed in speeds.items():
                print(f"  {name:16} {speed:9,.0f} rows/s; the console is at {speeds['the console'] / speed:6.2f} of it")
    finally:
        connection.creation.destroy_test_db(connection.settings_dict["NAME"], verbosity=0)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
