"""Finished workflows with no delivery attempt: told as what they are, and sent where a person says."""

from datetime import timedelta

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from webhooks.models import Item, Redelivery, Workflow
from webhooks.redelivery import services
from webhooks.redelivery.selection import select
from workspaces.audit.events import CONSOLE
from workspaces.models import AuditEvent, Workspace

pytestmark = pytest.mark.django_db
URL = "https://hooks.example.com/again"


@pytest.fixture
def finished(hooks):
    def finish(name, *, ago=3600, source="request_log", workspace=None):
        at = timezone.now() - timedelta(seconds=ago)
        where = workspace or hooks.workspace
        return Workflow.objects.create(
            workspace=where, workflow_id=name, source=source, first_seen_at=at, completed_at=at, status="completed"
        )

    return finish


@pytest.fixture
def operator_sees(hooks, operator):
    hooks.http.force_login(operator)
    return hooks


def send(hooks, expected, *, query="unattempted=1", url=URL, where="other"):
    form = {"filters": query, "expected": str(expected), "where": where, "url": url}
    return hooks.http.post(hooks.url("redeliver"), form)


def test_only_those_that_ended_a_while_ago_without_any_attempt_are_listed(hooks, finished):
    finished("silent")
    finished("just ended", ago=60)
    finished("of others", workspace=Workspace.objects.create(name="Other", slug="other", base_url="https://x.test"))
    hooks.ingest("attempted", [404] * 5)
    Workflow.objects.filter(workflow_id="attempted").update(source="looked_up", completed_at=timezone.now())

    answer = hooks.get(name="unattempted")

    assert [one.workflow_id for one in answer.context["workflows"]] == ["silent"]
    assert "the console never guesses an address" in answer.text
    assert hooks.url("unattempted") in hooks.get().text


def test_of_many_the_latest_are_listed_and_all_are_counted(hooks, finished, monkeypatch):
    monkeypatch.setattr("webhooks.views.workflows.MAX_SHOWN", 2)
    monkeypatch.setattr("webhooks.views.workflows.MOST_COUNTED", 4)
    for number in range(3):
        finished(f"silent {number}")
    assert "The latest 2 of 3." in hooks.get(name="unattempted").text
    for number in range(3, 6):
        finished(f"silent {number}")
    assert "The latest 2 of 5+." in hooks.get(name="unattempted").text


def test_they_are_no_lost_results(hooks, finished):
    finished("silent")
    assert "not delivered in the last" not in hooks.get().text
    assert select(hooks.workspace, QueryDict("state=failed")).count == 0


def test_without_any_the_page_says_which_are_known_at_all(hooks):
    assert "No such workflows" in hooks.get(name="unattempted").text


def test_all_of_them_go_to_the_url_that_a_person_gives(operator_sees, finished):
    finished("older", ago=7200)
    finished("newer")
    preview = operator_sees.get("?unattempted=1", name="redeliver").text
    assert "Redeliver 2 results" in preview
    assert "may not have requested a webhook" in preview
    assert "URL to send to" in preview
    assert "Other URL" not in preview  # there is only this one
    assert '<input type="hidden" name="where" value="other"' in preview

    assert send(operator_sees, 2, url="").status_code == 422
    assert send(operator_sees, 2, where="own").status_code == 422
    assert send(operator_sees, 2).status_code == 302

    items = Item.objects.order_by("pk").values_list("workflow__workflow_id", "url", "delivery")
    assert list(items) == [("older", URL, None), ("newer", URL, None)]
    assert AuditEvent.objects.get(action="redelivery:started").details["filters"] == {"unattempted": "1"}
    assert "Nothing to redeliver" in operator_sees.get("?unattempted=1", name="redeliver").text  # under way


@pytest.mark.parametrize(("state", "left"), [("delivered", 0), ("failed", 1), ("unknown", 1)])
def test_what_arrived_is_not_sent_again_and_the_rest_can_be(operator_sees, finished, state, left):
    finished("silent")
    send(operator_sees, 1)
    job = Redelivery.objects.get()
    job.items.update(state=state)
    services.cancel(job, CONSOLE)

    for query in ("unattempted=1", f"again={job.job_id}", "workflow=silent"):
        found = select(operator_sees.workspace, QueryDict(query))
        assert (found.count, found.maybe_arrived if query != "workflow=silent" else 0) == (
            left,
            int(state == "unknown" and query != "workflow=silent"),
        )
    if left:
        preview = operator_sees.get(f"?again={job.job_id}", name="redeliver").text
        assert f'value="{URL}"' in preview  # where it went before


def test_a_workflow_that_has_arrived_is_not_taken_for_one_without_attempt(operator_sees):
    delivery = operator_sees.ingest("public_bulk_1", [200])
    Workflow.objects.filter(pk=delivery.workflow_id).update(completed_at=timezone.now())

    assert select(operator_sees.workspace, QueryDict("workflow=public_bulk_1&state=failed")).count == 0


def test_viewers_read_the_list_and_send_nothing(hooks, viewer, finished):
    finished("silent")
    hooks.http.force_login(viewer)
    assert "Send to a URL" not in hooks.get(name="unattempted").text
    assert send(hooks, 1).status_code == 403
    assert not Redelivery.objects.exists()


def test_the_pages_take_the_same_queries_for_two_and_for_twenty(operator_sees, finished):
    def count():
        with CaptureQueriesContext(connection) as queries:
            operator_sees.get(name="unattempted")
            operator_sees.get("?unattempted=1", name="redeliver")
        return len(queries)

    for number in range(2):
        finished(f"few {number}")
    count()
    few = count()
    for number in range(18):
        finished(f"many {number}")

    assert count() == few
