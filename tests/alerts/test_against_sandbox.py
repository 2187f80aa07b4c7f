"""From the real sandbox's balance over the polling engine to a real mail server."""

import pytest
from django.utils import timezone

from alerts.models import Rule
from cleanlist import Secret
from core.encryption import EncryptedValue
from usage.models import BalanceReading
from workspaces.models import Poll
from workspaces.polling import engine

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def connected(sandbox, workspace, owner):
    """The workspace, connected to the sandbox, with one rule."""
    workspace.base_url = sandbox.base_url
    workspace.organization_id = sandbox.credentials()["organization_id"]
    workspace.api_key = EncryptedValue.encrypt(Secret(sandbox.credentials()["api_key"]))
    workspace.save()
    Poll.objects.create(workspace=workspace, resource="balance", interval_seconds=60)
    return workspace


@pytest.fixture
def read_balance(sandbox, connected, send):
    """Set the sandbox's balance, poll as the worker does, and send what follows."""

    def read(credits_):
        sandbox.control("credits", {"organization_id": connected.organization_id, "credits": credits_})
        Poll.objects.update(next_run_at=timezone.now())
        assert engine.run_due() == 1
        send()

    return read


def test_low_then_topped_up_is_one_email_and_one_resolved_in_its_thread(connected, read_balance, mailbox):
    read_balance(10_000)
    Rule.objects.all().delete()
    Rule.objects.create(
        workspace=connected, kind="balance_below", name="Low", threshold=500, recovery=550, severity="critical"
    )
    for credits_ in (412, 501, 499, 411):
        read_balance(credits_)
    assert mailbox.subjects == ["Example Works: 412 credits left"]
    read_balance(12_000)
    assert mailbox.subjects[1:] == ["Resolved: Example Works: 12,000 credits left"]
    assert mailbox.messages[1]["In-Reply-To"] == mailbox.ids[0]
    assert BalanceReading.objects.count() == 6
