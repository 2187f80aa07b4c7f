"""Applies a file's email recipients: starts summaries and stops emails, but never restarts what was stopped.

Only the reader, who may have stopped it with one click, or an owner on the page may restart it.
"""

from functools import partial

from alerts.models import Recipient, Stream
from alerts.services.notifications import recipients_for
from alerts.services.recipients import change_recipient
from provisioning.change_set import ChangeSet
from provisioning.document import NO_SUMMARY, RecipientSpec, WorkspaceSpec
from provisioning.fields import Located
from provisioning.rules import shown
from workspaces.models import Workspace

ENDED = "was ended by the recipient or an owner and can't be restarted here"


def subscriptions(recipient: Recipient) -> dict[str, object]:
    """Return an address's subscriptions in the form of a file."""
    return {
        "summary": recipient.summary if recipient.gets_summary else NO_SUMMARY,
        "critical": recipient.wants(Stream.CRITICAL),
        "warnings": recipient.wants(Stream.WARNINGS),
    }


DEFAULT_SUBSCRIPTIONS: dict[str, object] = {"summary": NO_SUMMARY, "critical": True, "warnings": True}


def apply_recipients(run: ChangeSet, wanted: WorkspaceSpec, workspace: Workspace) -> None:
    """Start summaries and stop unwanted emails."""
    if wanted.recipients is None:
        return
    node, listed = wanted.recipients.node, wanted.recipients.value
    stored = {row.address.lower(): row for row in Recipient.objects.filter(workspace=workspace)}
    for address, said in listed.items():
        _apply(run, workspace, address, said, stored.get(address))
    for address, row in stored.items():
        if address not in listed and row.gets_summary:
            now = subscriptions(row)
            text = f"the summary ({now['summary']}) to {address}"
            run.surplus(node, text, partial(_store, run, row, now | {"summary": NO_SUMMARY}))


def _apply(
    run: ChangeSet, workspace: Workspace, address: str, said: Located[RecipientSpec], row: Recipient | None
) -> None:
    now = subscriptions(row) if row else DEFAULT_SUBSCRIPTIONS
    after = now | _wish(said.value)
    if row:
        for name, stream in (("summary", Stream.SUMMARY), ("critical", Stream.CRITICAL), ("warnings", Stream.WARNINGS)):
            if not row.wants(stream) and after[name] != now[name]:
                run.leave("left alone", said.node, f"{name} {ENDED}")
                after[name] = now[name]
    changed = [f"{name} {shown(now[name])} → {shown(after[name])}" for name in now if now[name] != after[name]]
    if not changed:
        run.same()
        return
    run.do(
        "change" if row else "create",
        said.node,
        f"{address}: {', '.join(changed)}",
        lambda: _store(run, recipients_for(workspace, [address])[address], after),
    )


def _wish(wanted: RecipientSpec) -> dict[str, object]:
    summary = None if wanted.summary is None else wanted.summary or NO_SUMMARY
    said = {"summary": summary, "critical": wanted.critical, "warnings": wanted.warnings}
    return {name: value for name, value in said.items() if value is not None}


def _store(run: ChangeSet, recipient: Recipient, after: dict[str, object]) -> None:
    summary = "" if after["summary"] == NO_SUMMARY else str(after["summary"])
    change_recipient(
        recipient, run.actor, summary=summary, critical=bool(after["critical"]), warnings=bool(after["warnings"])
    )
