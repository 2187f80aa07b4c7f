"""What spreadsheets make of an export: text stays as it is, times are dates, nothing is a formula."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from core.export import csv_lines, escape_formula, export_file, unescape_formula

AT = datetime(2026, 11, 27, 23, 30, 7, 654321, tzinfo=timezone(timedelta(hours=-5)))


def test_a_file_begins_with_a_byte_order_mark_and_names_the_zone_of_times():
    lines = list(csv_lines(["name", "read_at", "at", "attempt", "time"], [["Ünal 株式会社", AT, None, 1, AT]]))
    assert "".join(lines).encode().startswith(b"\xef\xbb\xbf")
    (row,) = csv.DictReader(io.StringIO("".join(lines).removeprefix("\ufeff")))
    at = "2026-11-28 04:30:07"
    assert row == {"name": "Ünal 株式会社", "read_at (UTC)": at, "at (UTC)": "", "attempt": "1", "time (UTC)": at}


def test_programs_get_all_of_a_time_and_the_names_of_columns():
    file = export_file("x", "jsonl", ["read_at", "credits"], [[AT, Decimal("4.50")]])
    row = json.loads("".join(file.lines))
    assert row == {"read_at": "2026-11-28T04:30:07.654321+00:00", "credits": "4.50"}
    assert datetime.fromisoformat(row["read_at"]) == AT.astimezone(UTC)


@pytest.mark.parametrize(
    "text",
    [
        "00420", "0049301234567", "123456789012", "4930123456789012345", "12e5", "1.5E+10", "3-4", "2026-05-03", "1/2",
        "27.11.2026", "10:30", "4:05:09", " 007 ", "+49 30 1234567", "\u00a0=1", "\n=1", "-A1",
        "TRUE", "false", "May 2026", "MAR1", "5-Dec", "Sept. 3, 2026", "3 March 26", '="x"',
    ],
)  # fmt: skip
def test_text_that_a_spreadsheet_would_change_is_kept_as_text(text):
    cell = escape_formula(text)
    assert cell.startswith("'")
    assert unescape_formula(cell) == text or "\n" in text


@pytest.mark.parametrize(
    "value",
    [0, -3, 4930123456789, Decimal("-12.5"), Decimal("1E+3"), "plain", "it's", "'quoted'", "203.0.113.7", "2001:db8::1",
     "enrich-7", "req_0123", "4820.5", "-12.5", "0", "0.5", True, "March", "Marie 2", "Maya 2", "decide 5"],
)  # fmt: skip
def test_numbers_and_other_text_are_as_they_are(value):
    expected = "1000" if value == Decimal("1E+3") and value is not True else str(value)
    assert escape_formula(value) == expected
    assert unescape_formula(expected) == expected
