from datetime import timedelta

import pytest

from usage.spend.enrichments import reservations_by_workspace, summarize_enrichments
from webhooks.models import Workflow


@pytest.fixture
def workflow(workspace, now):
    def make_one(name, **facts):
        return Workflow.objects.create(
            workspace=workspace, workflow_id=name, first_seen_at=now, status_read_at=now, **facts
        )

    return make_one


def test_finished_enrichments_are_settled_by_what_they_found_and_running_ones_hold_the_most(workspace, workflow, now):
    done = {"completed_at": now - timedelta(hours=2), "status": "completed"}
    workflow("a", summary={"total": 50, "emails_found": 30, "phones_found": 4}, **done)
    workflow("b", summary={"total": 9}, **done | {"completed_at": now - timedelta(days=30)})
    workflow("c", summary={"total": 20}, status="processing")
    workflow("d", status="", summary={})
    found = summarize_enrichments(workspace, now - timedelta(days=7), now)
    assert (found.finished, found.settled, found.running, found.reserved_at_most) == (1, 70, 1, 220)


def test_what_upstream_says_that_an_enrichment_costs_and_holds_comes_first(workspace, workflow, now):
    workflow("a", summary={"total": 9, "emails_found": 3}, completed_at=now, status="completed", credits_charged=5)
    workflow("b", summary={"total": 20}, status="running", credits_reserved=200)
    workflow("c", summary={"total": 20}, status="running", enrichment_type="partial")
    workflow("d", summary={"total": 20}, status="running")
    assert summarize_enrichments(workspace, now - timedelta(days=7), now).settled == 5


def test_only_what_was_just_seen_running_is_known_to_be_reserved(workspace, workflow, now):
    facts = {"status": "running", "enrichment_type": "full", "summary": {"total": 20}}
    workflow("a", submitted_at=now - timedelta(minutes=2), **facts)
    workflow("b", **facts | {"enrichment_type": "partial"})
    workflow("c", completed_at=now, **facts)
    workflow("d", **facts | {"enrichment_type": ""})
    Workflow.objects.create(
        workspace=workspace, workflow_id="e", first_seen_at=now, status_read_at=now - timedelta(minutes=11), **facts
    )
    found = reservations_by_workspace([workspace.pk], now)[workspace.pk]
    assert sorted(found) == [(now - timedelta(minutes=2), 220), (now, 20)]
