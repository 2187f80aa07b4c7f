"""What rows of the request log cost: bytes in the database with everything that they bring, and processor time.

Run: python -m bench.sizing [pages]. SQLite by default; with DATABASE_URL, a scratch database beside that one. Pages of
500 rows land as the console lands them, a tenth of each already known, for ten keys in turn, one month of 2 rows a
second each. README's table of sizes is made of these figures, those of bench.polling_throughput, and the memory of the
processes of `make run`.
"""

import sys
import time

from bench.log_ingest import PAGE, START, ingest_by_console, make_key, page  # first: it chooses the settings

# ruff: isort: split
from django.db import connection

from keys.log.models import partitions
from keys.models import LoggedRequest
from workspaces.models import Workspace

KEYS, OVERLAP = 10, 50


def database_bytes() -> int:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_database_size(current_database())")
            return int(cursor.fetchone()[0])
        cursor.execute("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
        return int(cursor.fetchone()[0])


def main(pages: int) -> None:
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        workspace = Workspace.objects.create(name="Bench", slug="bench", base_url="http://127.0.0.1:9")
        keys = [make_key(workspace, number) for number in range(KEYS)]
        partitions.ensure([START])
        before, began = database_bytes(), time.process_time()
        for number in range(pages):
            ingest_by_console(keys[number % KEYS], page(number // KEYS * (PAGE - OVERLAP)))
        used, rows = time.process_time() - began, LoggedRequest.objects.count()
        each = (database_bytes() - before) / rows
        print(f"{connection.vendor}: {rows:,} rows, {each:,.0f} bytes each with indexes and rollups,", end=" ")
        print(f"{1000 * used / pages:.0f} ms of processor here for a page of {PAGE}")
    finally:
        connection.creation.destroy_test_db(connection.settings_dict["NAME"], verbosity=0)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
