"""What is polled for usage: the credit balance."""

from datetime import datetime

from django.conf import settings

from cleanlist import AsyncClient, Balance
from usage.models import BalanceReading
from workspaces.models import Poll
from workspaces.polling import Resource, register


async def fetch_balance(client: AsyncClient, _: Poll) -> Balance:
    """Return the organization's balance."""
    return await client.credits.balance()


def land_balance(poll: Poll, balance: Balance, read_at: datetime) -> None:
    """Extend the latest stretch while the number stays, else begin a new one."""
    latest = BalanceReading.objects.latest_of(poll.workspace)
    if latest and latest.credits == balance.credits:
        if read_at > latest.read_at:
            BalanceReading.objects.filter(pk=latest.pk).update(read_at=read_at)
        return
    BalanceReading.objects.create(
        workspace=poll.workspace, credits=balance.credits, first_read_at=read_at, read_at=read_at
    )


register(
    Resource(
        name="balance",
        label="Credit balance",
        credential="api_key",
        endpoint="credits/balance",
        interval_seconds=lambda: settings.POLL_BALANCE_SECONDS,
        fetch=fetch_balance,
        land=land_balance,
    )
)
