import csv
from datetime import timedelta

import pytest
from django.urls import reverse

from alerts.models import Rule
from core.db.rollups import hour_of
from core.formatting import format_time
from dashboard.views import balance_week
from tests.keys.conftest import log_request, make_key, note_poll
from tests.usage.balance_history import record_series, record_steady
from usage.credit_status import credit_statuses
from usage.readings import record_reading
from webhooks.models import Workflow
from workspaces.models import Poll


@pytest.fixture
def page(workspace, viewer, client):
    client.force_login(viewer)

    def get(query="", **headers):
        return client.get(reverse("usage:overview", args=[workspace.slug]) + query, headers=headers)

    return get


@pytest.fixture
def poll(workspace, now):
    return Poll.objects.create(workspace=workspace, resource="balance", interval_seconds=60, last_success_at=now)


def test_before_the_first_reading_the_page_says_what_will_happen(page, poll):
    assert "Syncing for the first time" in page().text


def test_without_a_key_the_page_leads_to_the_settings(page, poll):
    Poll.objects.update(paused_reason="No API key is stored.")
    assert "The balance can't be synced" in page().text


def test_while_reading_is_paused_no_next_reading_is_promised(page, poll, readings, now):
    readings({1: 4820, 0: 4820})
    poll.next_run_at = now + timedelta(minutes=9)
    poll.save()
    assert "next in" in page().text
    Poll.objects.update(paused_reason="Cleanlist rejected the stored API key.")
    assert "next in" not in page().text


def test_the_balance_and_its_age_are_shown(page, readings):
    readings({3: 4820, 2: 4819})
    assert "4,819" in page().text
    assert "2 minutes ago" in page().text


def test_in_the_first_hour_the_chart_begins_with_the_console(page, readings):
    readings({9: 500, 8: 480})
    assert page().context["page"].span.name == "1h"
    assert "History starts" in page().text
    assert page().text.count("vailable after 48 hours of data (0 so far)") == 1


@pytest.mark.parametrize(
    ("before", "words"),
    [(1, "more than 10 times the hour before"), (100, "+900% vs the hour before"), (2000, "-50% vs the hour before")],
)
def test_what_was_spent_is_compared_with_the_hour_before_as_far_as_that_means_something(page, readings, before, words):
    levels = {age: 9000 - (before if age < 90 else 0) - (1000 if age < 30 else 0) for age in range(125, -1, -1)}
    readings(levels)
    text = page("?since=1h").text
    assert words in text
    assert text.count("the hour before") == 1


def test_an_unknown_range_is_no_error(page, readings):
    readings({9: 500})
    assert page("?since=5y").status_code == 200


def test_every_range_has_a_chart_and_its_numbers(page, workspace, now):
    record_steady(workspace, now, hours=96)
    for name in ("1h", "24h", "7d", "30d", "90d", "365d"):
        shown = page(f"?since={name}").context["page"]
        assert shown.span.name == name
        assert shown.chart.points, name
        newest = next(one for one in shown.bins if one.credits is not None)  # the minute may have ended since
        assert newest in shown.bins[:2], name
        assert newest.credits == shown.latest.credits, name


DROPS = {0: 7362, 13: 0, 14: 0, 15: 0, 19: 9000, 25: 9000, 26: 0, 27: 9000}  # by minutes of an hour


@pytest.fixture
def dropped(workspace, now):
    """Record two days, in one hour of which there were no credits twice."""
    hour = hour_of(now) - timedelta(hours=20)
    minutes = [*range(-28 * 60, 0, 30), *range(60), *range(60, 20 * 60, 30)]
    series = [(hour + timedelta(minutes=n), DROPS[max(at for at in DROPS if at <= max(n, 0))]) for n in minutes]
    record_series(workspace, series, interval_seconds=1800)
    return hour


def test_that_there_were_no_credits_is_drawn_and_told_at_every_range(page, dropped):
    for name in ("24h", "48h", "7d", "30d", "90d", "365d"):
        answer = page(f"?since={name}")
        chart = answer.context["page"].chart
        [line] = [layer.path for layer in chart.layers if layer.css == "chart__line"]
        assert f"V{chart.plot.y(0):g}" in line, name
        assert min(point.value for point in chart.points if point.value is not None) == 0, name
        assert "lowest 0, highest 9,000" in chart.words, name
        assert "lowest 0</span>" in answer.text, name


def test_of_an_hour_the_lowest_is_told_without_a_minute(page, dropped):
    told = [point.text for point in page("?since=7d").context["page"].chart.points if point.value == 0]
    assert told == [f"Lowest in the hour from {format_time(dropped)}: 0 credits"]


def test_the_small_chart_of_the_week_shows_that_there_were_no_credits(workspace, dropped):
    chart = balance_week(workspace)
    assert f"V{chart.plot.y(0):g}" in chart.layers[-1].path
    assert "lowest 0, highest 9,000" in chart.words


@pytest.mark.parametrize("name", ["24h", "7d"])
def test_a_gap_is_left_open_in_the_drawing(page, readings, name):
    readings({600: 500, 599: 490, 90: 400, 89: 390})
    drawn = page(f"?since={name}").context["page"].chart
    [line] = [layer.path for layer in drawn.layers if layer.css == "chart__line"]
    assert (line.count("M"), drawn.gaps.count("M")) == (2, 1)
    assert [point.value for point in drawn.points if point.text.startswith("No data from")] == [None]


def test_a_top_up_is_marked_and_listed(page, readings):
    readings({9: 500, 8: 10500, 7: 10490})
    assert page().text.count("+10,000") >= 2


@pytest.fixture
def rule(workspace):
    def make(severity, threshold, unit="credits", **facts):
        facts = {"threshold": threshold, "recovery": threshold, "parameters": {"unit": unit}, **facts}
        return Rule.objects.create(
            workspace=workspace, kind="balance_below", name=f"{severity} level", severity=severity, **facts
        )

    return make


def test_each_alert_level_is_a_line_of_the_chart_and_has_a_runway_of_its_own(page, workspace, now, rule):
    record_steady(workspace, now, hours=96)
    rule("warning", 1000)
    rule("critical", 10, "percent")
    rule("information", 2000, enabled=False)
    answer = page("?since=7d")
    shown = answer.context["page"]
    assert [(one.level.credits, one.runway.early_at is not None) for one in shown.ahead] == [
        (1000, True),
        (500, True),
        (0, True),
    ]
    moments = [one.runway.median_at for one in shown.ahead]
    assert moments == sorted(moments)
    assert "critical level" in answer.text
    assert [one.text for one in shown.chart.thresholds] == ["below 1,000", "below 500"]
    assert shown.unseen_levels == []


def test_levels_within_the_drawing_are_lines(page, readings, rule):
    readings({9: 900, 8: 300})
    rule("warning", 500)
    assert "Alert below 500" in page("?since=1h").text


def test_the_level_of_no_credits_is_reached_at_zero_and_not_below(page, readings, rule):
    readings({9: 900, 8: 0})
    rule("critical", "0.0001")
    text = page("?since=1h").text
    assert "Alert at 0" in text
    assert "Alert below 0" not in text


def test_levels_too_close_for_two_labels_share_one(page, readings, rule):
    readings({9: 90_000, 8: 300})
    for level in (30_000, 5000, 1000, 0):
        rule("warning", level)
    marks = page("?since=1h").context["page"].chart.thresholds
    assert len(marks) == 4
    assert [mark.text for mark in marks if mark.text] == ["below 30,000", "below 5,000, below 1,000, at 0"]


def test_what_if_answers_with_a_date_later_than_the_runway(page, workspace, now):
    record_steady(workspace, now, hours=96)
    shown = page("?more=5000").context["page"]
    assert shown.what_if.median_at > shown.runway.median_at


def test_pages_and_alerts_say_the_same_of_how_long_the_credits_last(page, workspace, now):
    record_steady(workspace, now, hours=96, opening=96 * 10 + 1344)  # 5.6 days
    [status] = credit_statuses([workspace], now)
    assert status.lasts == "about 5 days"
    assert "in 5 days</time>" in page().text


@pytest.mark.parametrize("entry", ["", "x", "-5", "0", "1e400", "NaN", "9" * 40])
def test_nonsense_in_the_what_if_is_explained(page, readings, entry):
    readings({9: 500})
    answer = page(f"?more={entry}")
    assert answer.status_code == 200
    assert answer.context["form"].errors["more"]


def test_htmx_gets_the_living_part_alone(page, readings):
    readings({9: 500})
    text = page(**{"HX-Request": "true"}).text
    assert "usage-living" in text
    assert "<html" not in text


def test_the_page_takes_as_many_queries_for_a_long_history_as_for_a_short_one(
    page, workspace, now, poll, django_assert_max_num_queries
):
    record_reading(workspace, 5000, now - timedelta(days=6))
    with django_assert_max_num_queries(35) as short:
        page("?since=7d")
    record_steady(workspace, now, hours=140)
    with django_assert_max_num_queries(len(short)):
        page("?since=7d")


def test_the_readings_can_be_taken_home(page, workspace, client, viewer, readings):
    readings({9: 500, 8: 480})
    client.force_login(viewer)
    answer = client.get(reverse("usage:export", args=[workspace.slug]))
    lines = list(csv.reader(b"".join(answer.streaming_content).decode().splitlines()))
    assert len(lines) == 3
    assert lines[2][2].startswith("480")


def test_strangers_get_neither_page_nor_file(workspace, stranger, client):
    client.force_login(stranger)
    for name in ("overview", "export"):
        assert client.get(reverse(f"usage:{name}", args=[workspace.slug])).status_code == 404


def test_what_an_enrichment_settled_at_is_part_of_its_keys_share_to_the_credit(page, workspace, readings, now):
    readings({age: 1000 if age > 22 else 940 for age in range(30, -1, -1)})
    note_poll(workspace, "requests", subject="a key", last_success_at=now)
    key = make_key(workspace)
    log_request(key, method="POST", path="/api/v1/public/enrich/bulk", created_at=now - timedelta(minutes=25))
    asked = {"method": "GET", "path": "/api/v1/public/enrich/status?workflow_id=public_bulk_7"}
    log_request(key, **asked, created_at=now - timedelta(minutes=24))
    Workflow.objects.create(
        workspace=workspace,
        workflow_id="public_bulk_7",
        first_seen_at=now,
        completed_at=now - timedelta(minutes=21),
        summary={"total": 6, "emails_found": 2, "phones_found": 4},
    )
    found = page("?since=24h").context["page"].breakdown
    assert [(row.keys, row.credits, row.known, row.is_range) for row in found.by_key] == [((key,), 42, 42, False)]
    assert (found.known, found.total, found.unexplained.credits) == (42, 60, 18)
    assert "42 credits are known exactly" in page("?since=24h").text


def test_a_range_and_keys_that_cannot_be_told_apart_are_shown_as_such(page, workspace, readings, now):
    readings({age: 5000 - 90 * (30 - age) for age in range(30, -1, -1)})
    note_poll(workspace, "requests", subject="a key", last_success_at=now)
    keys = [make_key(workspace, name) for name in ("Importer", "Exporter", "Idle")]
    for age in range(29, 1, -2):
        for key in keys[:2]:
            at = now - timedelta(minutes=age, seconds=20)
            log_request(key, method="POST", path="/api/v1/public/enrich/bulk", created_at=at)
    log_request(keys[2], method="GET", path="/api/v1/public/credits/balance", created_at=now - timedelta(minutes=5))
    [row] = page("?since=24h").context["page"].breakdown.by_key
    assert {key.label for key in row.keys} == {"Importer", "Exporter"}
    assert row.low < row.credits < row.high
    text = page("?since=24h").text
    assert "can't be told apart" in text
    assert f"{row.low:,} – {row.high:,}" in text  # noqa: RUF001 - as it is printed
    assert f"likely {row.credits:,}" in text
    assert "Idle" not in text


def test_a_company_that_was_found_costs_one_credit(page, workspace, readings, now):
    readings({age: 1000 if age > 22 else 998 for age in range(30, -1, -1)})
    note_poll(workspace, "requests", subject="a key", last_success_at=now)
    key = make_key(workspace)
    for seconds in (1, 2):
        at = now - timedelta(minutes=22, seconds=seconds)
        log_request(key, method="POST", path="/api/v2/enrichment/company?x=1", created_at=at)
    found = page("?since=24h").context["page"].breakdown
    assert [(row.credits, row.known, row.is_range) for row in found.by_key] == [(2, 2, False)]
    assert found.unexplained.credits == 0


def test_where_nothing_was_spent_the_page_says_so_instead_of_empty_tables(page, workspace, readings, now):
    readings({9: 500, 8: 500})
    note_poll(workspace, "requests", subject="a key", last_success_at=now)
    text = page().text
    assert "No spend" in text
    assert "can't be told apart" not in text
    assert "Partly estimated" not in text
