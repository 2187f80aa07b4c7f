"""The credits of an organization: every change is a ledger entry, and the entries add up to the balance.

An enrichment reserves its highest possible cost when it is submitted (`reserve`). When it finishes, the reservation
is returned in full (`release`) and the results are charged (`settle`), in one transaction. So the sum of `settle`
entries is what was spent, and `grant` entries are top-ups.

A check and a change of the balance are one UPDATE, so that concurrent submits cannot overdraw it.
"""

from decimal import Decimal

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from sandbox.db.tables import LedgerEntry, Organization

ZERO = Decimal(0)


class InsufficientCredits(Exception):
    """The balance does not cover what an enrichment could cost; nothing was reserved. Amounts are credits."""

    def __init__(self, estimated: Decimal, available: Decimal) -> None:
        super().__init__(f"{estimated} credits needed, {available} available")
        self.estimated = estimated
        self.available = available

    @property
    def shortfall(self) -> Decimal:
        """The missing credits."""
        return self.estimated - self.available


BALANCE = select(Organization.credits).where(Organization.id == bindparam("id"))


def balance(session: Session, organization_id: str) -> Decimal:
    """Return the spendable credits: reservations of running workflows are already subtracted.

    Raises `LookupError` for an unknown organization.
    """
    credits_now = session.scalar(BALANCE, {"id": organization_id})
    if credits_now is None:
        raise LookupError(f"no organization {organization_id}")
    return credits_now


def sum_of_entries(session: Session, organization_id: str) -> Decimal:
    """Return the sum of the ledger's entries, which must equal `balance`."""
    mine = LedgerEntry.organization_id == organization_id
    return session.scalar(select(func.sum(LedgerEntry.amount)).where(mine)) or ZERO


def grant(session: Session, organization_id: str, amount: Decimal) -> Decimal:
    """Add bought credits and return the new balance. Raises `ValueError` unless the amount is positive."""
    if amount <= 0:
        raise ValueError("a top-up must be more than 0 credits")
    return _add_entry(session, organization_id, "grant", amount)


def set_balance(session: Session, organization_id: str, credits: Decimal) -> Decimal:  # noqa: A002
    """Set the balance and return it.

    Raises `ValueError` for a negative number, `LookupError` for an unknown organization.
    """
    if credits < 0:
        raise ValueError("a balance cannot be negative")
    change = credits - balance(session, organization_id)
    return _add_entry(session, organization_id, "set", change)


def reserve(session: Session, organization_id: str, amount: Decimal, workflow_id: str) -> None:
    """Reserve the maximum cost of a workflow, or nothing: raises `InsufficientCredits`."""
    if amount < 0:
        raise ValueError("a reservation cannot be negative")
    if amount == 0:
        return
    _add_entry(session, organization_id, "reserve", -amount, workflow_id)


def release(session: Session, organization_id: str, reserved: Decimal, workflow_id: str) -> None:
    """Return a reservation in full."""
    if reserved > 0:
        _add_entry(session, organization_id, "release", reserved, workflow_id)


def settle(session: Session, organization_id: str, reserved: Decimal, cost: Decimal, workflow_id: str) -> None:
    """Return the reservation and charge the actual cost.

    Raises `ValueError` for a cost above the reservation.
    """
    if not 0 <= cost <= reserved:
        raise ValueError(f"{cost} credits do not fit a reservation of {reserved}")
    release(session, organization_id, reserved, workflow_id)
    if cost > 0:
        _add_entry(session, organization_id, "settle", -cost, workflow_id)


def charge(session: Session, organization_id: str, amount: Decimal | int, reference: str | None = None) -> Decimal:
    """Charge what was done at once, and return the balance. Raises `InsufficientCredits`, and charges nothing then."""
    if amount < 0:
        raise ValueError("a charge cannot be negative")
    if amount == 0:
        return balance(session, organization_id)
    return _add_entry(session, organization_id, "settle", -Decimal(amount), reference)


def _add_entry(
    session: Session, organization_id: str, kind: str, amount: Decimal, workflow_id: str | None = None
) -> Decimal:
    after = _change_balance(session, organization_id, amount)
    session.add(
        LedgerEntry(
            organization_id=organization_id,
            kind=kind,
            amount=amount,
            balance_after=after,
            workflow_id=workflow_id,
        )
    )
    session.flush()
    return after


def _change_balance(session: Session, organization_id: str, amount: Decimal) -> Decimal:
    after: Decimal | None = session.scalar(
        update(Organization)
        .where(Organization.id == organization_id, Organization.credits >= -amount)
        .values(credits=Organization.credits + amount)
        .returning(Organization.credits)
    )
    if after is None:
        raise InsufficientCredits(estimated=-amount, available=balance(session, organization_id))
    return after
