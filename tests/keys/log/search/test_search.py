"""That a search does bounded work and still finds everything: windows, values that are noted, rare ones by index."""

from datetime import timedelta

import pytest
from django.db import connection
from django.http import QueryDict
from django.utils import timezone

from keys.log.ingest import recount
from keys.log.search.filters import LogFilterForm, LogScope
from keys.log.search.query_plan import estimate_filters, plan_query
from keys.models import LogFacet, LoggedRequest
from tests.keys.conftest import make_key, text_of
from workspaces.models import Workspace

HTMX = {"HX-Request": "true"}
UUID = "0b0f3c50-6a2f-4d6e-9d3e-1f2a3b4c5d6e"


@pytest.fixture
def small_windows(monkeypatch):
    monkeypatch.setattr("keys.log.search.query_plan.MOST_RARE", 0)
    monkeypatch.setattr("keys.log.search.page.find_rows.__kwdefaults__", {"upward": False, "window": 10})
    monkeypatch.setattr("keys.log.search.page.LATER_WINDOW", 20)


@pytest.fixture
def busy(log):
    """A hundred requests, a second apart; every fifth is a POST."""
    now = timezone.now()
    LoggedRequest.objects.bulk_create(
        LoggedRequest(
            key=log.key,
            upstream_id=f"r{n}",
            method="GET" if n % 5 else "POST",
            path="/api/x",
            status_code=200,
            ip_address="203.0.113.7",
            user_agent="curl/8",
            created_at=now - timedelta(seconds=n),
        )
        for n in range(100)
    )
    return log


def estimates(log, query, key=None):
    form = LogFilterForm(QueryDict(query), [log.key])
    assert form.is_valid()
    return {one.column: one for one in estimate_filters(form, LogScope(log.workspace, key), with_own=False)}


def test_a_page_that_is_not_full_says_how_far_it_looked_and_goes_on_to_the_end(busy, small_windows):
    page = busy.get("?method=POST").context["page"]
    assert (len(page.rows), page.older) == (2, None)
    found, place, parts = [row.pk for row in page.rows], page.further, 0
    while place is not None:
        url = f"{busy.all_url}further/"
        part = busy.get(f"?method=POST&older={place}&shown={len(found)}", url=url, headers=HTMX)
        found += [row.pk for row in part.context["page"].rows]
        place, parts = part.context["page"].further, parts + 1
    assert found == list(LoggedRequest.objects.filter(method="POST").newest_first().values_list("pk", flat=True))
    assert parts == 5
    assert "End of log." in text_of(part)


def test_the_parts_fill_one_page_and_then_lead_to_the_next(busy, small_windows, monkeypatch):
    monkeypatch.setattr("core.pagination.PAGE_SIZE", 4)
    page = busy.get("?method=POST").context["page"]
    part = busy.get(f"?method=POST&older={page.further}&shown=2", url=f"{busy.all_url}further/", headers=HTMX).context[
        "page"
    ]
    assert (len(part.rows), part.further) == (2, None)
    following = busy.get(f"?method=POST&older={part.older}").context["page"]
    assert following.rows[0].created_at < part.rows[-1].created_at


def test_upward_a_window_that_ends_early_leads_on(busy, small_windows):
    oldest = LoggedRequest.objects.newest_first().last()
    seen, place = [], oldest.cursor
    while place is not None:
        page = busy.get(f"?method=POST&newer={place}").context["page"]
        seen, place = [row.pk for row in page.rows] + seen, page.newer
    assert seen == list(LoggedRequest.objects.filter(method="POST").newest_first().values_list("pk", flat=True))


def test_without_scripts_the_way_on_is_a_link(busy, small_windows):
    page = busy.get("?method=POST")
    assert "Continue searching" in text_of(page)
    answer = busy.get(f"?method=POST&older={page.context['page'].further}", url=f"{busy.all_url}further/")
    assert answer.url == f"{busy.all_url}?method=POST&older={page.context['page'].further}"


@pytest.mark.parametrize(
    "query",
    [
        "status=503",
        "status=5xx",
        "agent=nobody",
        "ip=198.51.100.1",
        "method=DELETE",
        "path=/other",
        "path=zzz",
        "q=503+curl",
        "q=curl+zzz",
    ],
)
def test_what_does_not_occur_is_known_without_looking_through_the_log(busy, query, django_assert_num_queries):
    form = LogFilterForm(QueryDict(query), [busy.key])
    assert form.is_valid()
    with django_assert_num_queries(1):
        assert plan_query(form, LogScope(busy.workspace), timezone.now()) is None


@pytest.mark.parametrize(
    "query",
    ["", "status=2xx", "agent=CURL", "ip=203.0.113.7", "path=/api", "path=x", "path==/api/x", "q=CURL", "q=curl+200+x"],
)
@pytest.mark.parametrize("of_key", [True, False])
def test_what_matches_is_found_the_same_by_any_way(busy, query, of_key, monkeypatch):
    url = busy.key_url if of_key else busy.all_url
    by_index = busy.shown(f"?{query}", url=url)
    monkeypatch.setattr("keys.log.search.query_plan.MOST_RARE", 0)
    assert busy.shown(f"?{query}", url=url) == by_index
    assert len(by_index) == 50


def test_paths_with_ids_are_noted_once_and_found_by_what_they_may_contain(log):
    for number in range(5):
        log.add(path=f"/api/v1/status/{UUID[:-1]}{number}?page=2")
    assert set(log.key.log_values.filter(kind="beginning").values_list("value", "count")) == {("/api/v1/status/", 5)}
    assert len(log.shown("?path=/api/v1/status/0b0f")) == 5
    assert len(log.shown(f"?path==/api/v1/status/{UUID[:-1]}3?page=2")) == 1
    assert len(log.shown("?path=page=2")) == 5
    assert estimates(log, "path=/api/v2")["path"].most == 0
    assert estimates(log, "path=/api/v1/status/0b0f")["path"].values is None


def test_past_the_room_values_count_together_and_are_still_found(log, monkeypatch):
    monkeypatch.setattr("keys.log.models.facet.MOST_FACETS", 3)
    rows = [log.add(ip_address=f"203.0.113.{n}") for n in range(8)]
    noted = dict(log.key.log_values.filter(kind="ip_address").values_list("value", "count"))
    assert noted == {"203.0.113.0": 1, "203.0.113.1": 1, "203.0.113.2": 1, "": 5}
    assert log.shown("?ip=203.0.113.7") == [rows[7].pk]
    assert log.shown("?ip=203.0.113.4/30", url=log.key_url) == [row.pk for row in rows[:3:-1]]
    log.add(ip_address="203.0.113.1")
    assert log.key.log_values.get(value="203.0.113.1").count == 2


def test_values_equal_a_recount(busy):
    busy.add(path=f"/a/{UUID}", is_own_call=True, user_agent="")
    facts = ("kind", "value", "is_own_call", "count", "first_seen_at", "last_seen_at", "fingerprint")
    noted = set(LogFacet.objects.values_list(*facts))
    recount.recount_facets(busy.key)
    assert set(LogFacet.objects.values_list(*facts)) == noted
    assert len(noted) == 5 + 1 + 5  # of the hundred with two methods, and of the one


def test_of_other_keys_nothing_is_told(log):
    other = make_key(log.workspace, "Other")
    log.add(key=other, status_code=503)
    assert estimates(log, "status=503", log.key)["status_code"].most == 0
    assert estimates(log, "status=503")["status_code"].most == 1


def test_with_many_values_no_hint_is_given_and_the_log_is_looked_through(busy, monkeypatch):
    monkeypatch.setattr("keys.log.search.query_plan.MOST_MATCHES", 1)
    busy.add(status_code=201)
    assert estimates(busy, "status=2xx") == {}
    assert len(busy.shown("?status=201")) == 1


@pytest.mark.postgresql
def test_a_rare_path_is_read_by_its_own_index(busy):
    row = busy.add(path="/rare")
    form = LogFilterForm(QueryDict("path==/rare"), [])
    assert form.is_valid()
    plan = plan_query(form, LogScope(busy.workspace, busy.key), timezone.now())
    assert plan.is_rare
    assert [found.pk for found in plan.rows] == [row.pk]
    assert "hashtextextended" in plan.rows.explain()


def test_words_are_each_found_in_any_column_and_all_have_to_be(log):
    both = log.add(path="/enrich/bulk", user_agent="legacy/1")
    log.add(path="/enrich/bulk", user_agent="curl/8")
    log.add(path="/enrich/status", user_agent="legacy/1")
    in_path = log.add(path="/legacy/bulk", user_agent="curl/8")
    assert log.shown("?q=legacy bulk") == [in_path.pk, both.pk]
    assert log.shown("?q=legacy bulk&path=/enrich") == [both.pk]
    assert log.shown("?q=legacy bulk&agent=curl") == [in_path.pk]


def test_a_word_that_only_agents_have_is_found_by_their_index(log):
    rare = log.add(user_agent="legacy/1")
    log.add()
    found = estimates(log, "q=legacy", log.key)["user_agent"]
    assert (found.values, found.most, found.is_indexed) == (("legacy/1",), 1, connection.vendor == "postgresql")
    assert log.shown("?q=legacy", url=log.key_url) == [rare.pk]


def test_a_word_may_be_in_what_of_a_path_is_not_noted(log):
    row = log.add(path=f"/status/{UUID}/legacy")
    log.add(user_agent="legacy/1")
    assert estimates(log, "q=legacy")[""].values is None
    assert estimates(log, f"q={UUID}")[""].most == 1
    assert log.shown(f"?q={UUID}") == [row.pk]
    assert len(log.shown("?q=legacy")) == 2


def test_the_search_for_an_id_finds_its_request_and_no_other(log):
    other = make_key(log.workspace, "Other")
    rows = [log.add(upstream_id="req-1", key=key) for key in (log.key, other)]
    log.add(path="/about/req-1")
    own = log.add(upstream_id="req-2", is_own_call=True)
    assert log.shown("?q=req-1") == [row.pk for row in reversed(rows)]
    assert log.shown("?q=req-1", url=log.key_url) == [rows[0].pk]
    assert log.shown(f"?q=req-1&key={other.key_id}") == [rows[1].pk]
    assert log.shown("?q=req-1&status=500") == []
    assert (log.shown("?q=req-2"), log.shown("?q=req-2&own=1")) == ([], [own.pk])


def test_an_id_of_another_workspace_is_not_found(log):
    other = Workspace.objects.create(name="Other", slug="other", base_url=log.workspace.base_url)
    log.add(upstream_id="req-1", key=make_key(other, "Theirs"))
    log.add()
    assert log.shown("?q=req-1") == []


def test_a_secret_that_was_searched_for_is_not_shown_again(log):
    secret = "clapi_abcdefgh0123456789abcdef"
    assert secret[12:] not in log.get(f"?q={secret}&status=200").content.decode()
