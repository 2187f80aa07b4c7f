import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from workspaces.audit.events import CONSOLE, Actor, record_event
from workspaces.models import Action, AuditEvent, Outcome

pytestmark = pytest.mark.django_db
PAGE = "/w/example-works/audit/"


@pytest.fixture
def record(workspace):
    def record(action=Action.KEY_CREATED, actor=CONSOLE, **options):
        return record_event(action, actor, workspace=options.pop("workspace", workspace), **options)

    return record


def shown(answer):
    return [event.pk for event in answer.context["events"]]


def test_an_event_tells_who_what_from_where_and_how_it_ended(as_owner, owner, record):
    actor = Actor(owner, "203.0.113.9", "Browser/1", "req-1")
    record(actor=actor, outcome=Outcome.REFUSED, subject=("id-1", "pipeline"), message="Limit reached", limit=10)
    text = as_owner.get(PAGE).content.decode()
    for part in (owner.email, "203.0.113.9", "Browser/1", "req-1", "pipeline", "Limit reached", "Refused"):
        assert part in text


def test_the_newest_comes_first(as_owner, record):
    first, second = record(), record()
    assert shown(as_owner.get(PAGE)) == [second.pk, first.pk]


def test_other_workspaces_events_are_not_shown(as_owner, record):
    record(workspace=None)
    assert shown(as_owner.get(PAGE)) == []


def test_older_events_are_a_link_away_and_none_is_skipped(as_owner, record):
    events = [record().pk for _ in range(120)]
    seen, url = [], PAGE
    while url:
        answer = as_owner.get(url)
        seen += shown(answer)
        older = answer.context["older"]
        url = f"{PAGE}?before={older}" if older else ""
    assert seen == events[::-1]


def test_events_that_arrive_meanwhile_do_not_shift_the_next_page(as_owner, record):
    events = [record().pk for _ in range(60)]
    older = as_owner.get(PAGE).context["older"]
    record()
    assert shown(as_owner.get(PAGE, {"before": older})) == events[9::-1]


def test_filters_narrow_the_trail(as_owner, owner, record):
    mine = record(Action.KEY_REVOKED, Actor(owner), outcome=Outcome.UNKNOWN)
    record()
    for query in ({"action": "key:revoked"}, {"outcome": "unknown"}, {"actor": "OWNER@"}):
        assert shown(as_owner.get(PAGE, query)) == [mine.pk]


def test_the_consoles_own_events_can_be_singled_out(as_owner, owner, record):
    record(actor=Actor(owner))
    own = record()
    assert shown(as_owner.get(PAGE, {"actor": "the console itself"})) == [own.pk]


def test_days_are_those_of_the_viewer(as_owner, record):
    event = record()
    day = timezone.localtime(event.at, dt.timezone(dt.timedelta(hours=14))).date()
    as_owner.cookies["tz"] = "Pacific/Kiritimati"
    assert shown(as_owner.get(PAGE, {"start": day, "end": day})) == [event.pk]
    assert shown(as_owner.get(PAGE, {"end": day - dt.timedelta(days=1)})) == []


def test_filters_are_chips_and_a_time_range(as_owner, record):
    record()
    answer = as_owner.get(PAGE, {"actor": "owner@", "outcome": "unknown", "since": "7d"})
    assert [chip.text for chip in answer.context["chips"]] == ["by owner@", "unknown"]
    assert answer.context["form"].range_label == "Last 7 days"
    assert as_owner.get(PAGE, {"actor": "", "since": "7d"}).headers["Location"] == f"{PAGE}?since=7d"


def test_a_day_is_said_once_above_its_events(as_owner, record):
    record(), record()
    assert as_owner.get(PAGE).content.decode().count("Today</th>") == 1


def test_filters_survive_paging(as_owner, record):
    for _ in range(60):
        record(Action.KEY_REVOKED)
    text = as_owner.get(PAGE, {"action": "key:revoked"}).content.decode()
    assert "action=key%3Arevoked&amp;before=" in text


def test_an_empty_trail_and_one_without_matches_differ(as_owner, record):
    assert b"Nothing has happened yet" in as_owner.get(PAGE).content
    record()
    answer = as_owner.get(PAGE, {"action": "key:revoked"})
    assert b"No event matches" in answer.content
    assert b"Clear filters" in answer.content


@pytest.mark.parametrize(
    "query",
    [
        {"before": "x"},
        {"before": "-1"},
        {"before": "9" * 40},
        {"action": "nonsense"},
        {"since": "yesterday"},
        {"since": "0001-01-01"},
        {"end": "9999-12-31"},
        {"actor": "\x00"},
    ],
)
def test_with_a_bad_filter_nothing_is_shown_and_that_is_said(as_owner, record, query):
    record()
    answer = as_owner.get(PAGE, query)
    assert answer.status_code == 200
    assert shown(answer) == []
    assert b"A filter is invalid" in answer.content
    assert answer.context["form"].errors


def test_details_within_details_are_told_in_words(as_owner, record):
    record(before={"threshold": "500", "to": ["a@example.test", "b@example.test"]})
    text = as_owner.get(PAGE).content.decode()
    assert "threshold: 500; to: a@example.test, b@example.test" in text
    assert "{&#x27;" not in text


def test_the_trail_can_only_grow(record):
    event = record()
    for change in (event.delete, event.save, AuditEvent.objects.all().delete, AuditEvent.objects.all().update):
        with pytest.raises(TypeError):
            change()


@pytest.mark.parametrize("path", [PAGE, "/audit/"])
def test_twenty_events_cost_as_many_queries_as_ten(as_admin, record, path):
    counts = []
    for _ in range(2):
        for _ in range(10):
            record()
        with CaptureQueriesContext(connection) as queries:
            as_admin.get(path)
        counts.append(len(queries))
    assert counts[0] == counts[1]
