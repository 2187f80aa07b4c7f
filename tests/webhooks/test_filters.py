"""Filters of the list: each narrows as it says, stands in the address, and explains itself when it is wrong."""

import pytest
from django.utils import timezone

from webhooks.filters import MAX_CHOICES
from webhooks.models import Delivery, Endpoint

pytestmark = pytest.mark.django_db
OTHER = "https://two.example-5.test/in"


@pytest.fixture
def many(hooks):
    hooks.ingest("public_bulk_a1", ago=90_000)
    hooks.ingest("public_bulk_a2", [404] * 5, url=OTHER, ago=7200)
    hooks.ingest("public_bulk_b1", [200], url=OTHER, ago=1800)
    hooks.ingest("public_bulk_b2", [503], ago=0)
    return hooks


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "b2 b1 a2 a1"),
        ("?state=failed", "a2 a1"),
        ("?state=retrying", "b2"),
        ("?state=delivered", "b1"),
        ("?host=two.example-5.test", "b1 a2"),
        ("?host=TWO.example-5.test", "b1 a2"),
        ("?host=nowhere.test", ""),
        ("?reason=client_error", "a2"),
        ("?reason=server_error", "b2 a1"),
        ("?since=1h", "b2 b1"),
        ("?since=1d", "b2 b1 a2"),
        ("?workflow=public_bulk_a", "a2 a1"),
        ("?workflow=public_bulk_b1", "b1"),
        ("?workflow=bulk_b1", ""),
        ("?workflow=Public_bulk_b1", ""),
        ("?state=failed&reason=server_error&host=hooks.example-3.test&since=2d", "a1"),
    ],
)
def test_a_filter_narrows_and_the_page_says_how_much_it_hides(many, query, expected):
    answer = many.get(query)

    assert [row.workflow.workflow_id[-2:] for row in answer.context["page"].rows] == expected.split()
    tally = many.get(query, name="tally", HTTP_HX_REQUEST="true")
    assert f"<strong>{len(expected.split())}</strong> deliver" in tally.text
    assert ('id="export-size" hx-swap-oob' in tally.text) == bool(expected)
    assert answer.text.count('id="export-size"') == 1
    if query:
        assert f"{4 - len(expected.split())} hidden by filters" in tally.text


def test_fixed_times_narrow_too(many):
    at = Delivery.objects.get(workflow__workflow_id="public_bulk_a2").last_attempt_at
    start, end = (f"{moment:%Y-%m-%dT%H:%M:%S}Z" for moment in (at, at + timezone.timedelta(hours=1)))
    assert many.shown(f"?start={start}&end={end}") == ["public_bulk_a2"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?state=lost", "Choose one of the options"),
        ("?reason=magic", "Choose one of the options"),
        ("?since=soon", "a time range. Enter"),
        ("?since=1h&start=2026-01-01", "either a relative time range or fixed times"),
        ("?start=2026-02-30", "a time. Enter"),
        ("?sate=failed", "Unknown filter “sate”"),
        ("?workflow=%00", "an invisible character"),
    ],
)
def test_a_wrong_filter_is_explained_and_hides_everything(many, query, words):
    text = many.get(query).content.decode()

    assert words in text
    assert "A filter is invalid" in text


def test_a_filter_is_a_chip_that_takes_itself_out(many):
    chips = many.get("?state=failed&host=two.example-5.test&since=1d").context["chips"]

    assert [(chip.text, chip.url) for chip in chips] == [
        ("failed", "?host=two.example-5.test&since=1d"),
        ("to two.example-5.test", "?state=failed&since=1d"),
    ]


def test_a_row_keeps_the_filters_for_the_way_back(many):
    text = many.get("?state=failed").content.decode()
    assert "/webhooks/public_bulk_a2/?state=failed" in text


def test_a_beginning_that_many_workflows_share_filters_the_same(many, monkeypatch):
    monkeypatch.setattr("webhooks.models.delivery.MAX_WORKFLOWS", 1)
    assert [name[-2:] for name in many.shown("?workflow=public_bulk_a")] == ["a2", "a1"]


def test_an_endpoint_of_very_many_is_typed_not_chosen(many):
    now = timezone.now()
    Endpoint.objects.bulk_create(
        Endpoint(workspace=many.workspace, host=f"h{number}.test", last_attempt_at=now) for number in range(MAX_CHOICES)
    )
    text = many.get("?host=two.example-5.test").content.decode()
    assert 'name="host" value="two.example-5.test"' in text
