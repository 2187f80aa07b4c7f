"""The poll of the credit balance."""

from datetime import datetime

from django.conf import settings

from cleanlist import AsyncClient, Balance
from cleanlist.errors import UnexpectedResponse
from usage.forecast.runway import learn_burn
from usage.models import MOST_CREDITS
from usage.readings import record_reading
from workspaces.models import Poll
from workspaces.polling import Resource, register
from workspaces.polling.registry import BALANCE


async def fetch_balance(client: AsyncClient, _: Poll) -> Balance:
    """Return the organization's balance. Raises UnexpectedResponse if it does not fit into the column."""
    balance = await client.credits.balance()
    if not abs(balance.credits) < MOST_CREDITS:
        raise UnexpectedResponse("The balance is not a number that an account can have.")
    return balance


def ingest_balance(poll: Poll, balance: Balance, read_at: datetime) -> None:
    """Add the reading to the history, and learn the burn once an hour."""
    record_reading(poll.workspace, balance.credits, read_at, poll.interval_seconds)
    learn_burn(poll.workspace, read_at)


register(
    Resource(
        name=BALANCE,
        label="Credit balance",
        credential="api_key",
        endpoint="credits/balance",
        interval_seconds=lambda: settings.POLL_BALANCE_SECONDS,
        fetch=fetch_balance,
        ingest=ingest_balance,
    )
)
