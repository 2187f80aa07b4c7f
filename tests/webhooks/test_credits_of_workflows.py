from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from cleanlist import EnrichmentStatus
from webhooks.ingest import enrichment_status
from webhooks.models import Workflow


@pytest.fixture
def workflow(workspace):
    return Workflow.objects.create(workspace=workspace, workflow_id="enrich-1", first_seen_at=timezone.now())


def record(workflow, **facts):
    enrichment_status.record_status(workflow, EnrichmentStatus(**{"status": "completed"} | facts), timezone.now())
    workflow.refresh_from_db()
    return workflow


def test_what_an_enrichment_reserved_and_cost_is_kept(workflow):
    begun = timezone.now().replace(microsecond=0) - timedelta(minutes=3)
    record(workflow, credits_charged=40, credits_refunded=70, enrichment_type="full", submitted_at=begun.isoformat())
    assert (workflow.credits_reserved, workflow.credits_charged) == (110, 40)
    assert (workflow.enrichment_type, workflow.submitted_at) == ("full", begun)


def test_a_running_enrichment_has_reserved_but_not_cost_anything_yet(workflow):
    record(workflow, status="running", credits_reserved="11", credits_charged=0)
    assert (workflow.credits_reserved, workflow.credits_charged) == (11, None)


def test_what_a_later_answer_leaves_out_is_not_forgotten(workflow):
    record(workflow, status="running", credits_reserved=11, enrichment_type="full")
    record(workflow, credits_charged=10.5)
    assert (workflow.credits_reserved, workflow.credits_charged) == (11, Decimal("10.5"))
    assert workflow.enrichment_type == "full"


@pytest.mark.parametrize("entry", ["x", -1, True, [], "NaN", "1e400", 10**30, {}])
def test_credits_that_are_no_number_are_not_kept(workflow, entry):
    assert record(workflow, credits_charged=entry, credits_reserved=entry).credits_charged is None
    assert workflow.credits_reserved is None


def test_listeners_are_called_with_each_status(workflow, monkeypatch):
    heard = []
    monkeypatch.setattr(enrichment_status, "_listeners", [])
    enrichment_status.on_status(heard.append)
    enrichment_status.on_status(heard.append)
    record(workflow)
    assert heard == [workflow]
