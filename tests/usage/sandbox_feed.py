"""Feeds the sandbox's rows to a console over time, ingested as real polls are."""

import datetime as dt
from bisect import bisect_right
from collections import defaultdict

from cleanlist import Balance, DeliveryAttempt, EnrichmentStatus, RequestLogEntry
from keys.log.ingest.pages import ingest_page
from keys.log.workflows import workflows_in_log
from tests.keys.conftest import make_key, note_poll
from tests.usage.spend.ten_keys import OPENING
from usage.polls import ingest_balance
from webhooks import tracked_workflows
from webhooks.ingest.attempts import ingest_page as land_attempts
from webhooks.polls import ingest_status
from workspaces.models import Poll
from workspaces.polling import rate_limiter

MINUTE = dt.timedelta(minutes=1)
STATES = tracked_workflows.STATUS, tracked_workflows.NEWER_STATUS


class SandboxFeed:
    """Reads ``made`` every minute into ``workspace``, and asks for states as often as the limit's share allows."""

    def __init__(self, workspace, made, names):
        self.workspace, self.made = workspace, made
        self.keys = {
            upstream_id: make_key(workspace, name, upstream_id=upstream_id) for name, upstream_id in names.items()
        }
        self.flows = {flow["id"]: flow for flow in made.workflows}
        self.tasks = defaultdict(list)
        for task in made.workflow_tasks:
            self.tasks[task["workflow_id"]].append(task)
        self.entries = sorted(made.ledger_entries, key=lambda row: row["at"])
        self.times = [row["at"] for row in self.entries]
        self.balance = Poll.objects.create(workspace=workspace, resource="balance", interval_seconds=60)
        self.read = {"log": None, "attempts": None}

    def watch(self, begin, end, *, asks=True):
        """Read everything from ``begin`` to ``end``; without ``asks`` upstream reports no enrichment."""
        self.read = dict.fromkeys(self.read, begin)
        number, at = 0, begin
        while at <= end:
            ingest_balance(self.balance, Balance(credits=self._balance(at)), at)
            if number % 3 == 0:
                self._read_log(at)
                self._read_attempts(at)
            if asks:
                self._ask(at)
            number, at = number + 1, at + MINUTE

    def _balance(self, at):
        place = bisect_right(self.times, at)
        return self.entries[place - 1]["balance_after"] if place else OPENING

    def _new(self, name, rows, column, at):
        before, self.read[name] = self.read[name], at
        return [row for row in rows if before < row[column] <= at]

    def _read_log(self, at):
        pages = defaultdict(list)
        for row in self._new("log", self.made.request_logs, "created_at", at):
            pages[row["key_id"]].append(RequestLogEntry(**{k: v for k, v in row.items() if "_id" not in k}))
        for key, rows in pages.items():
            ingest_page(self.workspace, key, rows, at)
        for key in self.keys:
            note_poll(self.workspace, "requests", subject=key, last_success_at=at)

    def _read_attempts(self, at):
        rows = self._new("attempts", self.made.delivery_attempts, "attempted_at", at)
        names = ("id", "workflow_id", "attempt_number", "status", "response_status_code", "url", "attempted_at")
        land_attempts(self.workspace, [DeliveryAttempt(**{name: row[name] for name in names}) for row in rows], at)
        ids = list(workflows_in_log(self.workspace, at - tracked_workflows.LOG_WINDOW))
        tracked_workflows.record_workflows(self.workspace, ids[: tracked_workflows.MAX_TRACKED], "request_log")
        tracked_workflows.schedule_polls(self.workspace, at)
        new = self.workspace.polls.filter(resource__in=STATES, last_attempt_at=None)
        new.update(next_run_at=at, last_attempt_at=at)

    def _ask(self, at):
        """Ask for what is due, the longest due first."""
        for resource in STATES:
            due = self.workspace.polls.filter(resource=resource, next_run_at__lte=at).order_by("next_run_at", "pk")
            for poll in due[: rate_limiter.share()]:
                ingest_status(poll, self._status(poll, at), at)
                Poll.objects.filter(pk=poll.pk).update(next_run_at=at + dt.timedelta(seconds=poll.interval_seconds))

    def _status(self, poll, at):
        flow = self.flows[poll.subject]
        tasks, is_done = self.tasks[flow["id"]], flow["completed_at"] <= at
        found = [task["result"] or {} for task in tasks if is_done]
        facts = {
            "status": flow["status"] if is_done else "running",
            "enrichment_type": flow["enrichment_type"],
            "credits_charged": float(flow["settled"]) if is_done else None,
            "summary": {
                "emails_found": sum(bool(one.get("primary_email")) for one in found),
                "phones_found": sum(bool(one.get("personal_phone_numbers")) for one in found),
            },
            "total": len(tasks),
        }
        if poll.resource == tracked_workflows.STATUS:
            facts["submitted_at"] = flow["submitted_at"].isoformat()
            facts["completed_at"] = flow["completed_at"].isoformat() if is_done else None
        elif is_done:
            facts["credits_refunded"] = float(flow["reserved"] - flow["settled"])
        return EnrichmentStatus(**facts)
