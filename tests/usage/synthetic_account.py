"""A synthetic account whose true changes are known, ingested into the mirror as real readings are."""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from cleanlist import Balance, EnrichmentStatus
from keys.models import ApiKey, LoggedRequest
from tests.keys.conftest import log_request, make_key, note_poll
from usage.models import BalanceChange
from usage.polls import ingest_balance
from usage.readings import record_reading
from webhooks.ingest import enrichment_status
from webhooks.models import Workflow, WorkflowSource
from workspaces.models import Poll

BULK = "/api/v1/public/enrich/bulk"
PRICE = {"partial": 1, "phone_only": 10, "full": 11}


@dataclass
class SyntheticAccount:
    """What happens, in minutes from the beginning; ``log`` says that the request log is read, ``step`` how often."""

    opening: Decimal = Decimal(10_000)
    minutes: int = 120
    step: float = 5
    log: bool = False
    events: list = field(default_factory=list)  # (minute, change of the balance)
    calls: list = field(default_factory=list)  # (minute, status code)
    told: list = field(default_factory=list)  # (minute, workflow, facts of its status)
    top_ups: list = field(default_factory=list)  # (minute, credits)
    gifts: list = field(default_factory=list)  # (minute, credits) that were added without being bought
    spent: Decimal = Decimal(0)
    blind: list = field(default_factory=list)  # (from, to) without readings
    strange: list = field(default_factory=list)  # (minute at which it lands, minute that it claims, balance)

    def spend(self, minute, amount):
        """Somebody whom the log does not show spends."""
        self.events.append((minute, -Decimal(str(amount))))
        self.spent += Decimal(str(amount))
        return self

    def burn(self, an_hour, since=0, until=None, every=None):
        """Spend evenly, by the log's calls or without."""
        every = every or self.step
        minute = since + every / 2
        while minute < (until or self.minutes):
            self.spend(minute, an_hour * every / 60)
            minute += every
        return self

    def top_up(self, minute, amount):
        self.events.append((minute, Decimal(str(amount))))
        self.top_ups.append((minute, Decimal(str(amount))))
        return self

    def comes_back(self, minute, amount):
        """What had been reserved before the first reading comes back."""
        self.events.append((minute, Decimal(amount)))
        return self

    def give_back(self, minute, amount):
        """Upstream refunds what had been spent."""
        self.events.append((minute, Decimal(str(amount))))
        self.gifts.append((minute, Decimal(str(amount))))
        self.spent -= Decimal(str(amount))
        return self

    def bulk(self, minute, *, contacts=250, kind="full", cost=0, takes=3, told=None, shows_begin=True):
        """A bulk enrichment; ``told`` is how many minutes after its end its status is read, None for never."""
        reserved = PRICE[kind] * contacts
        self.events += [(minute, -Decimal(reserved)), (minute + takes, Decimal(reserved - cost))]
        self.calls.append((minute, 200))
        self.spent += cost
        if told is not None:
            facts = {
                "status": "completed",
                "enrichment_type": kind,
                "summary": {"total": contacts},
                "credits_charged": cost,
                "completed_at": minute + takes,
            } | ({"submitted_at": minute} if shows_begin else {})
            self.told.append((minute + takes + told, f"public_bulk_{len(self.told)}", facts))
        return self

    def refused(self, minute):
        self.calls.append((minute, 402))
        return self

    def recharge(self, below, amount, an_hour):
        """Spend evenly and top up whenever the balance would fall below a level, as auto-recharge does."""
        left, minute = self.opening, self.step / 2
        while minute < self.minutes:
            self.spend(minute, an_hour * self.step / 60)
            left -= Decimal(str(an_hour * self.step / 60))
            if left < below:
                self.top_up(minute + self.step / 10, amount)
                left += amount
            minute += self.step
        return self

    def balance(self, minute):
        return self.opening + sum((change for at, change in self.events if at <= minute), Decimal(0))

    # --- into the mirror ----------------------------------------------------------------------------------------

    def play(self, workspace):
        """Ingest everything in order, ending an hour ago, so that doubtful changes stay as they are."""
        self.begin = timezone.now() - timedelta(minutes=self.minutes + 5)
        poll = Poll.objects.create(workspace=workspace, resource="balance", interval_seconds=round(60 * self.step))
        key = make_key(workspace) if self.log else None
        if key:
            log_request(key, created_at=self.at(-1), method="GET", path="/api/v1/public/whoami")
        count = round(self.minutes / self.step)
        for number in range(count + 1):
            minute = number * self.step
            self._land(workspace, poll, key, minute)
        Poll.objects.filter(resource="requests").update(last_success_at=timezone.now())
        record_reading(workspace, self.balance(self.minutes), self.at(self.minutes + 5), poll.interval_seconds)
        return self

    def _land(self, workspace, poll, key, minute):
        if key:
            self._land_log(workspace, key, minute)
        for at, name, facts in [one for one in self.told if minute - self.step < one[0] <= minute]:
            self._tell(workspace, at, name, facts)
        for _, claimed, balance in [one for one in self.strange if minute - self.step < one[0] <= minute]:
            self._read(poll, claimed, balance)
        if not any(since < minute < until for since, until in self.blind):
            self._read(poll, minute, self.balance(minute))

    def _read(self, poll, minute, balance):
        ingest_balance(poll, Balance(organization_id="org_example", credits=Decimal(balance)), self.at(minute))

    def _land_log(self, workspace, key, minute):
        for at, status in [one for one in self.calls if minute - self.step < one[0] <= minute]:
            log_request(key, method="POST", path=BULK, status_code=status, created_at=self.at(at))
        note_poll(workspace, "requests", subject=str(key.pk), last_success_at=self.at(minute))

    def _tell(self, workspace, at, name, facts):
        workflow = Workflow.objects.create(
            workspace=workspace, workflow_id=name, first_seen_at=self.at(at), source=WorkflowSource.REQUEST_LOG
        )
        moments = {key: self.at(facts[key]).isoformat() for key in ("submitted_at", "completed_at") if key in facts}
        enrichment_status.record_status(workflow, EnrichmentStatus(**facts | moments), self.at(at))

    def at(self, minute):
        return self.begin + timedelta(minutes=minute)


def interpretations_of(workspace):
    """Return the changes in which a top-up was found, or may be hidden."""
    return list(BalanceChange.objects.of(workspace).filter(top_up_high__gt=0).order_by("until"))


__all__ = ["ApiKey", "LoggedRequest", "SyntheticAccount", "interpretations_of"]
