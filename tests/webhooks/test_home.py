"""Failing webhooks on the start page and on a workspace's overview."""

import pytest
from django.utils import timezone

from workspaces.models import Poll

pytestmark = pytest.mark.django_db


@pytest.fixture
def read(workspace):
    return Poll.objects.create(
        workspace=workspace, resource="deliveries", interval_seconds=30, last_success_at=timezone.now()
    )


@pytest.fixture
def pages(hooks, read):
    def pages():
        answers = [hooks.http.get(url) for url in ("/", f"/w/{hooks.workspace.slug}/")]
        return [" ".join(answer.content.decode().split()) for answer in answers]

    return pages


def test_an_endpoint_that_fails_needs_attention_and_leads_to_its_deliveries(hooks, pages):
    for number in range(3):
        hooks.ingest(f"public_bulk_{number}")

    for text in pages():
        assert "Webhooks to hooks.example-3.test are failing: the last 3 or more were not delivered." in text
        assert "?host=hooks.example-3.test&amp;state=failed" in text
        assert "1 endpoint failing" in text
    assert len(hooks.shown("?host=hooks.example-3.test&state=failed")) == 3


def test_of_many_endpoints_the_first_are_named(hooks, pages):
    for number in range(15):
        hooks.ingest(f"public_bulk_{number}", url=f"https://h{number // 3}.example-5.test/in")

    for text in pages():
        assert "Webhooks to 2 more endpoints are failing too." in text
        assert "5 endpoints failing" in text


def test_single_failures_are_counted_without_alarm(hooks, pages):
    hooks.ingest("public_bulk_1")
    hooks.ingest("public_bulk_2", [200], ago=60)

    for text in pages():
        assert "never arrived" not in text
        assert "No endpoint fails repeatedly" in text
        assert "healthy" not in text  # one of them has failed last


def test_what_was_never_read_is_not_called_fine(hooks, read, pages):
    read.delete()
    for text in pages():
        assert "None lost" not in text
