"""Who sees the banner of a critical alert, and what an open page learns of alerts."""

import html
import json
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.alerts.conftest import fire

pytestmark = pytest.mark.django_db
BANNER = 'aria-label="Critical alert"'


def overview(client, workspace):
    return client.get(workspace.get_absolute_url()).text


def test_only_critical_alerts_have_a_banner_and_not_on_their_own_pages(go, client, workspace, viewer):
    client.force_login(viewer)
    fire(workspace, "Milder")
    assert BANNER not in overview(client, workspace)
    worst = fire(workspace, "Worst", severity="critical")
    assert BANNER in overview(client, workspace)
    for name, arguments in (("list", []), ("alert", [worst.pk]), ("emails", [])):
        assert BANNER not in go(viewer, name, *arguments).text


def test_the_tab_says_how_many_alerts_fire(go, workspace, viewer):
    quiet = go(viewer, "list").content.decode()
    assert "<title>Alerts · " in quiet
    assert "favicon-alert" not in quiet
    fire(workspace, "CRM")
    fire(workspace, "Billing")
    loud = go(viewer, "list").content.decode()
    assert "<title>(2) Alerts · " in loud
    assert re.search(r'<link rel="icon" href="/static/favicon-alert[.\w]*\.svg"', loud)


def test_a_closed_banner_stays_away_until_another_critical_alert_fires(go, client, workspace, viewer):
    first = fire(workspace, "First", severity="critical")
    go(viewer, "dismiss_banner", data={"alert": first.pk})
    assert BANNER not in overview(client, workspace)
    fire(workspace, "Second", severity="critical")
    assert "Second: many errors" in overview(client, workspace)
    client.logout()
    client.force_login(viewer)
    assert "First: many errors" in overview(client, workspace)


# --- an open page ---------------------------------------------------------------------------------------------


class OpenPage:
    """A page that asks for changes as its own markup says, and takes what it gets."""

    def __init__(self, client, path):
        self.client, self.part = client, client.get(path).text

    def ask(self):
        asks = re.search(r'id="alert-banners"[^>]* hx-get="([^"]+)" hx-vals="([^"]+)"', self.part)
        state = json.loads(html.unescape(asks[2]))
        answer = self.client.get(asks[1], state, headers={"HX-Request": "true"})
        self.part = self.part if answer.status_code == 204 else answer.text
        return answer

    @property
    def said(self):
        found = re.search(r'innerHTML:#announcement">([^<]*)<', self.part)
        return found[1] if found else ""

    @property
    def in_flow(self):
        return self.part[self.part.index('id="alert-banners"') :].partition("alert-banners__late")[0].count("<aside")

    @property
    def late(self):
        return self.part.partition('class="alert-banners__late"')[2].count("<aside")


@pytest.fixture
def opened(client, viewer):
    def open_page(path="/w/example-works/webhooks/"):
        client.force_login(viewer)
        return OpenPage(client, path)

    return open_page


def resolve(alert):
    alert.state, alert.resolved_at = "resolved", timezone.now()
    alert.save()


def test_an_open_page_is_told_nothing_until_something_changes(opened, workspace):
    page = opened()
    assert page.ask().status_code == 204
    fire(workspace, "CRM", severity="critical")
    assert page.ask().status_code == 200
    assert page.ask().status_code == 204


def test_a_new_alert_lies_above_an_open_page_with_badge_icon_and_words(opened, workspace):
    page = opened()
    fire(workspace, "CRM", severity="critical")
    page.ask()
    assert (page.in_flow, page.late) == (0, 1)
    assert page.said == "Critical: CRM: many errors"
    assert re.search(r'id="alerts-badge" hx-swap-oob="true"><span class="pill pill--danger">1<', page.part)
    assert re.search(r'<link rel="icon" href="/static/favicon-alert[^>]*id="favicon" hx-swap-oob="true"', page.part)
    assert 'data-firing="1"' in page.part


def test_a_banner_stays_in_its_place_and_says_how_the_alert_ended(opened, workspace):
    alert = fire(workspace, "CRM", severity="critical")
    page = opened()
    resolve(alert)
    page.ask()
    assert (page.in_flow, page.late) == (1, 0)
    assert BANNER not in page.part
    assert page.said == "Resolved: CRM: many errors"
    assert "favicon-alert" not in page.part
    assert 'data-firing="0"' in page.part
    fire(workspace, "Billing", severity="critical")
    page.ask()
    assert (page.in_flow, page.late) == (1, 1)
    assert page.said == "Critical: Billing: many errors"


def test_an_acknowledgment_by_somebody_else_is_shown_too(opened, workspace, owner):
    alert = fire(workspace, "CRM", severity="critical")
    page = opened()
    alert.acknowledged_at, alert.acknowledged_by = timezone.now(), owner
    alert.save()
    page.ask()
    assert page.said == "Acknowledged: CRM: many errors"
    assert 'pill--neutral">1<' in page.part


def test_what_has_no_banner_is_announced_as_a_count(opened, workspace):
    page = opened()
    alerts = [fire(workspace, subject) for subject in ("CRM", "Billing")]
    page.ask()
    assert (page.in_flow, page.late, page.said) == (0, 0, "2 active alerts")
    for alert in alerts:
        resolve(alert)
    page.ask()
    assert page.said == "No active alerts"


def test_the_pages_of_alerts_learn_the_count_and_get_no_banner(opened, workspace):
    page = opened("/w/example-works/alerts/")
    fire(workspace, "CRM", severity="critical")
    page.ask()
    assert (page.in_flow, page.late, page.said) == (0, 0, "1 active alert")


def test_the_start_page_follows_all_workspaces_of_the_reader_and_no_others(opened, workspace, other_workspace):
    page = opened("/")
    fire(other_workspace, "Foreign", severity="critical")
    assert page.ask().status_code == 204
    fire(workspace, "CRM", severity="critical")
    page.ask()
    assert f"Critical, {workspace.name}:" in page.part
    assert "Foreign" not in page.part


def test_nobody_learns_of_alerts_by_asking_for_their_ids(opened, workspace, other_workspace):
    foreign = fire(other_workspace, "Foreign", severity="critical")
    page = opened()
    for value in (str(foreign.pk), "x,-1,²," + "9" * 400):
        answer = page.client.get(f"/w/example-works/alerts/live/?shown={value}&late={value}&count={value}&mark=")
        assert answer.status_code == 200
        assert "Foreign" not in answer.text


def test_pages_outside_of_workspaces_ask_for_nothing(opened):
    assert "hx-get" not in re.search(r'<div class="alert-banners"[^>]*>', opened("/account/").part)[0]


def test_asking_costs_the_same_for_any_number_of_alerts(opened, workspace):
    def cost(page):
        with CaptureQueriesContext(connection) as queries:
            page.ask()
        return len(queries)

    first = fire(workspace, "First", severity="critical")
    page = opened()
    quiet = cost(page)
    resolve(first)
    changed = cost(page)
    for number in range(12):
        fire(workspace, f"Key {number}", severity="critical")
    page = opened()
    assert cost(page) == quiet
    for alert in workspace.alerts.filter(resolved_at=None):
        resolve(alert)
    assert cost(page) <= changed <= quiet + 4


def test_the_page_of_an_alert_follows_it_until_it_is_over(client, workspace, viewer):
    client.force_login(viewer)
    alert = fire(workspace, "CRM")
    url = alert.get_absolute_url()
    assert f'data-refresh-seconds="15" hx-get="{url}"' in client.get(url).text
    resolve(alert)
    part = client.get(url, headers={"HX-Request": "true"}).text
    assert re.search(r'id="alert-state" hx-swap-oob="true">.*Resolved.*</span>', part, re.DOTALL)
    assert "<html" not in part
    assert f'hx-get="{url}"' not in part
