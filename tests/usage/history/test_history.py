import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from core import clock
from core.export import csv_lines
from tests.usage.balance_history import record_series
from tests.usage.synthetic_account import SyntheticAccount
from usage import burn
from usage.history.csv_format import EXPORTED, MOST_ROWS, parse_history
from usage.models import BalanceChange, BalanceHour, BalanceImport, BalanceReading
from workspaces.models import AuditEvent, Workspace

NOW = datetime(2026, 5, 4, tzinfo=UTC)


@pytest.fixture
def go(client, workspace, operator):
    client.force_login(operator)

    def send(text=None, do="preview", name="history", *more, at=workspace, **entries):
        url = reverse(f"usage:{name}", args=[at.slug, *more])
        if text is not None:
            entries = {"text": text, "name": "past.csv", do: "yes"}
        return client.post(url, entries) if entries or name == "undo_import" else client.get(url)

    return send


def past(now, *rows, columns="time,credits"):
    """Lines of ``(hours ago, credits, …)``."""
    lines = [f"{(now - timedelta(hours=hours)).isoformat()},{','.join(map(str, rest))}" for hours, *rest in rows]
    return "\n".join([columns, *lines])


def everything():
    """All that is known of the balance, but for ids."""
    return (
        list(
            BalanceReading.objects.order_by("first_read_at").values_list(
                "first_read_at", "read_at", "credits", "gap_seconds"
            )
        ),
        list(
            BalanceChange.objects.order_by("until").values_list(
                "since", "until", "before", "after", "topped_up", "mark"
            )
        ),
        list(BalanceHour.objects.order_by("hour").values_list("hour", "spent", "spent_in_gap", "topped_up", "closing")),
    )


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_cells_are_separated_as_the_first_line_says(separator):
    lines = ["time,credits,topped_up", "2026-05-03 14:00,4820.5,", "2026-05-03 15:00,5820.5,1000"]
    found = parse_history("\n".join(lines).replace(",", separator), NOW)
    assert found.errors == []
    assert [(row.credits, row.marked) for row in found.rows] == [(Decimal("4820.5"), None), (Decimal("5820.5"), 1000)]


@pytest.mark.parametrize("text", ["time,credits", "time,credits\n", "time;credits\n\n"])
def test_a_file_of_a_first_line_alone_is_said_to_be_that(text, go):
    answer = go(text)
    assert answer.status_code == 422
    assert "only a first line with the columns" in answer.text


def test_one_reading_is_told_in_the_singular(go, now):
    text = past(now, (5, 900))
    assert "1 reading is new" in go(text).text
    assert "Import 1 reading<" in go(text).text
    go(text, do="import")
    assert "known already at that time." in go(text).text


# --- reading lines ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("yesterday,5", "Line 2: “yesterday” is not a time"),
        (",5", "Line 2: “” is not a time"),
        ("2026-05-03 14:00,much", "Line 2: “much” is not a number of credits"),
        ("2026-05-03 14:00,", "Line 2: “” is not a number of credits"),
        ("2026-05-03 14:00,NaN", "not a number that an account can have"),
        ("2026-05-03 14:00,1e400", "not a number that an account can have"),
        ("2026-05-05 14:00,5", "lies in the future"),
        ("1803-05-03 14:00,5", "before the year 2000"),
        ("0001-01-01T00:00:00+14:00,5", "is not a time"),
        ("2026-05-03 14:00,5\n2026-05-03 14:00,6", "has two balances"),
        ('2026-05-03 14:00,"5', "this is not CSV"),
    ],
)
def test_a_bad_line_is_named_with_what_is_wrong(line, words):
    (error,) = parse_history(f"time,credits\n{line}", NOW).errors
    assert words in error


def test_columns_that_are_missing_are_named():
    assert "“time” and “credits”" in parse_history("when,amount\n1,2", NOW).errors[0]
    assert "“time” and “credits”" in parse_history("", NOW).errors[0]


def test_of_many_bad_lines_the_first_are_named_and_the_others_counted():
    found = parse_history("time,credits\n" + "x,1\n" * 50, NOW)
    assert (len(found.errors), found.more_errors) == (20, 30)


def test_more_rows_than_can_be_taken_at_once_are_refused():
    lines = (f"{(NOW - timedelta(minutes=n)).isoformat()},{n}" for n in range(MOST_ROWS + 1))
    assert "more than 10,000 rows" in parse_history("\n".join(["time,credits", *lines]), NOW).errors[0]


def test_times_without_an_offset_are_utc_and_order_does_not_matter():
    found = parse_history("date,balance\n2026-05-03T14:00:00+02:00,5\n2026-05-03 11:00,6", NOW)
    assert [(row.since.hour, row.credits) for row in found.rows] == [(11, 6), (12, 5)]


# --- importing ----------------------------------------------------------------------------------------------------


def test_a_preview_says_what_would_happen_and_changes_nothing(go, now):
    answer = go(past(now, (5, 900), (4, 800), (3, 700)))
    assert "3 readings are new" in answer.text
    assert everything() == ([], [], [])


def test_an_import_becomes_history_with_burn_and_top_ups(go, workspace, now):
    text = past(now, (9, 900), (8, 800), (7, 5700), (6, 5600), (5, 5500))
    assert go(text, "import").status_code == 302
    found = burn.spent_between(workspace, now - timedelta(hours=10), now)
    assert len(burn.top_ups(workspace, now - timedelta(hours=10))) == 1
    assert found.low <= 400 <= found.high
    assert sum(row.spent for row in BalanceHour.objects.all()) == found.credits
    event = AuditEvent.objects.get(action="balance:imported")
    assert (event.subject, event.details["rows"]) == ("past.csv", 5)


def test_the_same_file_twice_adds_nothing(go, now):
    text = past(now, (9, 900), (8, 800), (7, 800), (6, 700))
    go(text, "import")
    before = everything()
    assert "Nothing is new" in go(text).text
    go(text, "import")
    assert everything() == before
    assert BalanceImport.objects.count() == 1


def test_an_import_can_be_taken_out_again_once(go, workspace, now):
    record_series(workspace, [(now - timedelta(minutes=30), 650), (now - timedelta(minutes=29), 640)])
    before = everything()
    go(past(now, (9, 900), (8, 800), (7, 750), (1, 700)), "import")
    done = BalanceImport.objects.get()
    assert everything() != before
    go(None, "", "undo_import", done.pk)
    assert everything() == before
    go(None, "", "undo_import", done.pk)
    assert AuditEvent.objects.filter(action="balance:import_undone").count() == 1


def test_what_the_console_read_itself_is_not_overruled(go, workspace, now):
    record_series(workspace, [(now - timedelta(minutes=n), 500) for n in range(120, 0, -1)])
    assert "Nothing is new" in go(past(now, (1.5, 9999), (1, 8888))).text


def test_a_gap_is_filled(go, workspace, now):
    record_series(workspace, [(now - timedelta(hours=9), 900), (now - timedelta(hours=2), 500)])
    assert BalanceReading.objects.filter(gap_seconds__gt=0).count() == 1
    go(past(now, *((hours, 900 - 50 * (9 - hours)) for hours in range(8, 2, -1))), "import")
    assert BalanceReading.objects.filter(gap_seconds__gt=0).count() == 0
    assert burn.spent_between(workspace, now - timedelta(hours=9), now - timedelta(hours=2)).covered > 0.99


def test_top_ups_that_the_file_tells_count_as_said_by_its_person(go, workspace, now, operator):
    text = past(now, (9, 900, ""), (8, 1800, 1500), (7, 1700, ""), columns="time,credits,topped_up")
    go(text, "import")
    row = BalanceChange.objects.get(mark="top_up")
    assert (row.topped_up, row.top_up_low, row.marked_by, row.note) == (1500, 1500, operator, "Imported: past.csv")
    assert burn.spent_between(workspace, now - timedelta(hours=10), now).credits == 700


def test_bad_lines_import_nothing(go, now):
    answer = go(past(now, (9, 900), (8, "x")), "import")
    assert answer.status_code == 422
    assert "Line 3: “x” is not a number" in answer.text
    assert not BalanceReading.objects.exists()


def test_a_file_can_be_chosen_and_must_be_text(go, now):
    good = SimpleUploadedFile("mine.csv", past(now, (9, 900), (8, 800)).encode())
    assert "Preview of mine.csv" in go(file=good).text
    assert "not text in UTF-8" in go(file=SimpleUploadedFile("x.bin", b"\xff\xfe\x00")).text
    assert "Choose a file" in go(name_="").text


def test_export_and_import_round_trip(go, client, workspace, monkeypatch):
    monkeypatch.setattr("core.export.BATCH", 7)
    account = SyntheticAccount(opening=Decimal(4000), minutes=300, step=10, blind=[(100, 170)]).recharge(
        1000, 5000, 6000
    )
    account.play(workspace)
    other = Workspace.objects.create(name="Other", slug="other", base_url=workspace.base_url, organization_id="other")
    member = workspace.memberships.get(role="operator")
    other.memberships.create(user=member.user, role="operator")
    row = BalanceChange.objects.filter(topped_up__gt=0).earliest("until")
    client.post(
        reverse("usage:change", args=[workspace.slug, row.pk]), {"mark": "top_up", "credits": "5000", "note": "=1+1"}
    )
    sent = client.get(reverse("usage:export", args=[workspace.slug]))
    text = b"".join(sent.streaming_content).decode()
    assert text.startswith('\ufeff"first_read_at (UTC)","last_read_at (UTC)","credits"')
    go(text, "import", at=other)
    mine, theirs = (
        [
            list(model.objects.filter(workspace=one).order_by(*order).values_list(*columns))
            for model, order, columns in (
                (BalanceReading, ["first_read_at"], ["first_read_at", "read_at", "credits"]),
                (BalanceChange, ["until"], ["since", "until", "before", "after", "mark", "marked"]),
            )
        ]
        for one in (workspace, other)
    )
    assert theirs == [[tuple(map(to_the_second, row)) for row in rows] for rows in mine]
    count = len(mine[0])
    go(text, "import")
    assert BalanceReading.objects.of(workspace).count() == count


def to_the_second(value):
    return value.replace(microsecond=0) if isinstance(value, datetime) else value


@pytest.mark.parametrize(("added", "minute"), [(0, 30), (6000, 30), (30_000, 3), (30_000, 30)])
def test_what_was_spent_in_a_gap_lies_in_the_range_after_an_import_too(
    go, client, workspace, time_machine, added, minute
):
    time_machine.move_to(clock.now().replace(minute=minute) - timedelta(hours=1))
    account = SyntheticAccount(opening=Decimal(40_000), minutes=1500, step=10, blind=[(700, 1060)]).burn(990, every=40)
    account.top_up(800, added).play(workspace)
    sent = client.get(reverse("usage:export", args=[workspace.slug]))
    text = b"".join(sent.streaming_content).decode()
    BalanceReading.objects.all().delete()
    BalanceHour.objects.all().delete()
    go(text, "import")
    found = burn.spent_between(workspace, account.at(-1), account.at(1505))
    assert found.low <= account.spent <= found.high
    assert found.high - found.low <= account.spent


def test_a_viewer_imports_nothing(client, workspace, viewer, now):
    client.force_login(viewer)
    url = reverse("usage:history", args=[workspace.slug])
    assert client.post(url, {"text": past(now, (9, 900)), "import": "yes"}).status_code == 403
    assert not BalanceReading.objects.exists()


def test_readings_of_one_second_come_back_in_order():
    at = NOW.replace(microsecond=0) - timedelta(hours=1)
    rows = [
        (at, at, 900),
        (at, at + timedelta(seconds=60), 880),
        (at + timedelta(seconds=60), at + timedelta(seconds=90), 870),
    ]
    lines = [[*row, 0, 0, *[""] * 8] for row in rows]
    parsed = parse_history("".join(csv_lines(EXPORTED, lines)), NOW)
    assert parsed.errors == []
    assert [row.credits for row in parsed.rows] == [900, 880, 870]
    assert all(row.until < later.since for row, later in itertools.pairwise(parsed.rows))


def test_what_was_escaped_for_spreadsheets_is_read_as_it_was():
    cells = [NOW - timedelta(hours=1), NOW, Decimal("123456789012.5"), 0, 0, *[""] * 5, "top_up", Decimal(5), "=1+1"]
    (row,) = parse_history("".join(csv_lines(EXPORTED, [cells])), NOW).rows
    assert (row.credits, row.note, row.marked) == (Decimal("123456789012.5"), "=1+1", 5)
