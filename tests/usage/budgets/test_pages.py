"""The budget's card, its form, and who may do what."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from alerts.models import Rule
from tests.fixtures import PASSWORD
from tests.usage.balance_history import record_series, write_steady
from usage.forecast.runway import learn_burn
from usage.models import Budget
from workspaces.models import AuditEvent, Poll, User, Workspace

ENTRY = {"credits": "5000", "length": "month", "time_zone": "", "with_rules": "on"}


@pytest.fixture
def go(workspace, client):
    """Ask for the page ``name`` as somebody, or send ``entry`` there."""

    def ask(name, person, entry=None, **headers):
        client.force_login(person)
        url = reverse(f"usage:{name}", args=[workspace.slug])
        return client.get(url, headers=headers) if entry is None else client.post(url, entry, headers=headers)

    return ask


def actions():
    return list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))


def test_an_owner_sets_changes_and_removes_a_budget_and_each_is_audited(go, workspace, owner):
    assert go("budget", owner, ENTRY).status_code == 302
    assert str(workspace.budget) == "5,000 credits a calendar month (UTC)"
    assert set(Rule.objects.values_list("kind", flat=True)) == {"budget_used", "budget_forecast"}
    assert actions() == ["budget:set", "alert_rule:created", "alert_rule:created"]
    entry = {"credits": "1200.5", "length": "week", "time_zone": "Europe/Vienna"}
    assert go("budget", owner, entry).status_code == 302
    workspace.refresh_from_db()
    assert str(workspace.budget) == "1,200.5 credits a calendar week (Europe/Vienna)"
    assert go("remove_budget", owner, {}).status_code == 302
    assert not Budget.objects.exists()
    assert actions()[3:] == ["budget:changed", "alert_rule:removed", "alert_rule:removed", "budget:removed"]
    changed = AuditEvent.objects.get(action="budget:changed")
    assert changed.details["before"] == "5,000 credits a calendar month (UTC)"
    assert changed.actor == owner


def test_without_the_tick_no_rule_is_added_and_they_can_be_added_later_but_once(go, owner):
    go("budget", owner, {**ENTRY, "with_rules": ""})
    assert not Rule.objects.exists()
    assert "with_rules" in go("budget", owner).context["form"].fields
    go("budget", owner, ENTRY)
    assert Rule.objects.count() == 2
    assert "with_rules" not in go("budget", owner).context["form"].fields
    go("budget", owner, ENTRY)
    assert Rule.objects.count() == 2
    assert actions() == ["budget:set", "alert_rule:created", "alert_rule:created"]


BAD = {
    "nothing": ({"credits": ""}, "credits", ""),
    "words": ({"credits": "many"}, "credits", "for example 5000"),
    "not a number": ({"credits": "NaN"}, "credits", "for example 5000"),
    "infinity": ({"credits": "1e400"}, "credits", ""),
    "zero": ({"credits": "0"}, "credits", "To have none, remove it"),
    "less than nothing": ({"credits": "-5"}, "credits", "To have none, remove it"),
    "more than there are": ({"credits": "9" * 14}, "credits", ""),
    "five decimals": ({"credits": "5.00001"}, "credits", ""),
    "a year": ({"length": "year"}, "length", ""),
    "no length": ({"length": ""}, "length", "Choose one."),
    "no zone": ({"time_zone": "Mars/Olympus"}, "time_zone", "Enter a name such as Europe/Vienna"),
    "a NUL": ({"time_zone": "UTC\x00"}, "time_zone", ""),
    "a path": ({"time_zone": "../../etc/passwd"}, "time_zone", "a time zone. Enter"),
}


@pytest.mark.parametrize(("entry", "field", "words"), BAD.values(), ids=BAD)
def test_what_cannot_be_is_explained_where_it_was_entered(go, owner, entry, field, words):
    answer = go("budget", owner, {**ENTRY, **entry})
    assert answer.status_code == 422
    assert words in " ".join(answer.context["form"].errors[field])
    assert not Budget.objects.exists()
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("name", ["budget", "remove_budget"])
@pytest.mark.parametrize("who", ["viewer", "operator"])
def test_others_may_look_at_the_card_alone(go, workspace, who, name, request):
    person = request.getfixturevalue(who)
    Budget.objects.create(workspace=workspace, credits=70)
    for entry in (None, ENTRY):
        assert go(name, person, entry).status_code == 403
    assert Budget.objects.get().credits == 70
    record_series(workspace, [(timezone.now(), 100)])
    text = go("overview", person).text
    assert 'id="budget"' in text
    assert reverse("usage:budget", args=[workspace.slug]) not in text


def test_removing_says_what_goes_with_it(go, owner):
    go("budget", owner, ENTRY)
    text = go("remove_budget", owner).text
    assert "It is 5,000 credits a calendar month (UTC)." in text
    assert "“Budget passed”" in text
    assert "<html" not in go("remove_budget", owner, **{"HX-Request": "true"}).text


def test_without_a_budget_the_card_offers_one_to_owners(go, workspace, owner, viewer):
    record_series(workspace, [(timezone.now(), 100)])
    assert "Set a budget" in go("overview", owner).text
    text = go("overview", viewer).text
    assert "An owner of Example Works can set one" in text
    assert "Set a budget" not in text


@pytest.fixture
def steady(workspace):
    """Ten credits an hour for eight days until now; returns a budget of which so much is the used share."""

    def make(**facts):
        now = timezone.now().replace(microsecond=0)
        write_steady(workspace, now.replace(minute=0, second=0), opening=90_000)
        learn_burn(workspace, now)
        Poll.objects.create(workspace=workspace, resource="balance", interval_seconds=60, last_success_at=now)
        return Budget.objects.create(workspace=workspace, **facts)

    return make


@pytest.mark.parametrize(("day", "is_open"), [(12, True), (29, False)])
def test_the_card_says_in_words_what_it_draws(go, workspace, viewer, steady, time_machine, day, is_open):
    time_machine.move_to(timezone.now().replace(month=1, day=day))
    steady(credits=50_000, time_zone="Europe/Vienna")
    answer = go("overview", viewer)
    page, text = answer.context["page"], " ".join(answer.text.split())
    one, bar = page.budget, page.budget_bar
    assert f"<strong>{one.used_words} of 50,000 credits</strong> used in {one.period.name}" in text
    assert f'role="img" aria-label="{bar.words}"' in text
    assert "Forecast for the end of" in text
    assert "Calendar months in Europe/Vienna" in text
    assert bar.used.width == round(float(one.used.low) / 50_000 / 1.08 * 1000, 1)
    assert bar.budget == round(1000 / 1.08, 1)
    assert ("or more if usage exceeds what was seen so far. " in text) == is_open
    assert (bar.level, bar.goes_on) == ("ok", is_open)


def test_the_form_says_how_the_budget_does(go, owner, steady):
    steady(credits=50_000)
    answer = go("budget", owner)
    assert f"Now: {answer.context['status'].words}. Forecast: " in answer.text


def test_a_budget_that_is_far_passed_is_drawn_to_scale(go, viewer, steady):
    steady(credits=1, length="month")
    page = go("overview", viewer).context["page"]
    one, bar = page.budget, page.budget_bar
    if one.used.high > 1:  # in the first hour of a month nothing is used yet
        assert bar.level == "danger"
        assert "Exceeded" in go("overview", viewer).text
    assert bar.budget < 10
    assert bar.used.x + bar.used.width <= 1000
    assert bar.interval.x + bar.interval.width <= 1000


def test_the_first_hours_say_that_little_is_known(go, workspace, viewer, time_machine):
    Budget.objects.create(workspace=workspace, credits=5000)
    now = timezone.now().replace(day=1) - timedelta(days=10)
    time_machine.move_to(now)  # both readings in one month
    record_series(workspace, [(now - timedelta(minutes=2), 100), (now - timedelta(minutes=1), 90)])
    text = go("overview", viewer).text
    assert "not known: available after 48 hours of data" in text


def test_a_budget_is_shown_before_anything_was_read(go, workspace, viewer):
    Budget.objects.create(workspace=workspace, credits=5000)
    text = go("overview", viewer).text
    assert "5,000 credits a calendar month" in text
    assert "No data for" in text


def test_the_card_costs_as_many_queries_for_a_long_history_as_for_a_short_one(
    go, workspace, viewer, steady, django_assert_max_num_queries
):
    record_series(workspace, [(timezone.now() - timedelta(days=20), 90_000)])
    learn_burn(workspace, timezone.now())
    Budget.objects.create(workspace=workspace, credits=5000)
    go("overview", viewer)
    asks_the_clock = connection.vendor == "postgresql"  # SQLite's is the process's own
    with django_assert_max_num_queries(43 + asks_the_clock) as short:
        go("overview", viewer)
    Budget.objects.all().delete()
    steady(credits=5000)
    with django_assert_max_num_queries(len(short)):
        go("overview", viewer)


def test_a_rule_about_the_budget_is_edited_like_the_others(go, workspace, owner, client, steady):
    steady(credits=5000)
    client.force_login(owner)
    text = client.get(reverse("alerts:new_rule", args=[workspace.slug, "budget_forecast"])).text
    assert "When the budget is passed" in text
    assert "Fire above (%)" in text
    entry = {"name": "F", "severity": "warning", "threshold": "80", "recovery": "70", "pending_minutes": "5"}
    entry |= {"repeat_seconds": "0", "to_owners": "on", "enabled": "on", "chance": "90"}
    url = reverse("alerts:new_rule", args=[workspace.slug, "budget_forecast"])
    assert "in the last 30 days" in client.post(url, {**entry, "try": "1"}).text
    client.post(url, entry)
    rule = Rule.objects.get()
    assert rule.condition == "by the forecast more than 80% of the budget will be used in 1 of 10 cases"
    assert rule.threshold == Decimal(80)


@pytest.fixture
def close(workspace, owner, client):
    """Show the start page and the overview as an owner sees them."""

    def show():
        client.force_login(owner)
        return [client.get(url).text for url in ("/", reverse("overview", args=[workspace.slug]))]

    return show


def test_a_budget_that_is_close_has_a_line_on_the_start_page_and_the_overview(close, workspace, steady):
    budget = steady(credits=1_000_000)
    for text in close():
        assert "udget" not in text
    Budget.objects.update(credits=10)
    budget.refresh_from_db()
    name = budget.period_at(timezone.now()).name
    for text in close():
        assert "Budget passed: " in text or "The budget will be passed by the forecast, " in text
        assert f"of 10 credits used in {name}" in text
        assert f"/w/{workspace.slug}/usage/#budget" in text


def test_budgets_of_many_workspaces_cost_as_many_queries_as_of_few(client, workspace, django_assert_max_num_queries):
    def ask(count, limit):
        for number in range(Workspace.objects.count(), count):
            one = Workspace.objects.create(name=f"W{number}", slug=f"w{number}", base_url=workspace.base_url)
            Budget.objects.create(workspace=one, credits=10, length=("week", "month")[number % 2])
            record_series(one, [(timezone.now() - timedelta(hours=1), 900), (timezone.now(), 500)])
        with django_assert_max_num_queries(limit) as queries:
            assert client.get("/").text.count("Budget passed") == count - 1
        return len(queries)

    client.force_login(User.objects.create_superuser("admin@example.test", PASSWORD))
    client.get("/")
    few = ask(3, 40)
    assert ask(12, few) == few
