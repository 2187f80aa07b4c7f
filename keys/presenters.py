"""Presents keys on pages: statuses, facts for a decision, and how the list of keys is read."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

from django.urls import reverse
from django.utils import timezone

from core.formatting import counted
from keys.empty_states import EmptyState, session_state, without_session
from keys.log.activity import KeyActivity
from keys.models import ApiKey, mark_namesakes
from keys.models.key import MOST_ACTIVE_KEYS
from keys.services import RevokeAllResult, RevokeResult, RevokeVerdict
from keys.status import KeyStatus, key_status
from workspaces.error_messages import ErrorMessage, explain, explain_kind
from workspaces.models import Poll, Workspace
from workspaces.polling.registry import KEYS, LIGHT_KEYS, REQUEST_LOG

LAST_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class KeyRow:
    """One key in a list."""

    key: ApiKey
    status: KeyStatus
    is_consoles_own: bool
    activity: KeyActivity | None = None


def key_row(key: ApiKey, workspace: Workspace, activity: KeyActivity | None = None) -> KeyRow:
    """Return ``key`` as a row of a list."""
    return KeyRow(key, key_status(key), is_consoles_own(key, workspace), activity)


def visible_ends(workspace: Workspace) -> list[dict[str, str]]:
    """Return the visible ends of every key whose ends are known, so that the browser alone can match a pasted one."""
    listed = []
    for key in ApiKey.objects.of(workspace).exclude(prefix="").exclude(last4="").recently_used_first():
        key.workspace = workspace  # saves a query per key
        listed.append({"prefix": key.prefix, "last4": key.last4, "label": key.label, "url": key.get_absolute_url()})
    return listed


def is_consoles_own(key: ApiKey, workspace: Workspace) -> bool:
    """Return whether the console itself calls upstream with ``key``, judging by the visible ends of both."""
    ends = (workspace.api_key_prefix, workspace.api_key_last4)
    return all(ends) and (key.prefix, key.last4) == ends


@dataclass(frozen=True)
class RevokeFacts:
    """What to know before revoking a key. ``key`` comes from ``with_activity``."""

    key: ApiKey
    status: KeyStatus
    is_consoles_own: bool
    log_read_at: datetime | None

    @property
    def is_in_use(self) -> bool:
        """Return whether the mirrored log shows customer requests with it in the last hour."""
        return bool(getattr(self.key, "requests_since", 0))

    @property
    def requests_in_words(self) -> str:
        """Return how many customer requests the mirrored log shows for the last hour: "26 requests"."""
        return counted(getattr(self.key, "requests_since", 0), "request")


def revoke_facts(keys: Iterable[ApiKey], workspace: Workspace) -> list[RevokeFacts]:
    """Return the facts about each of ``keys``, which come from ``with_activity``."""
    listed = mark_namesakes(keys)
    subjects = [key.upstream_id for key in listed]
    polls = workspace.polls.filter(resource=REQUEST_LOG, subject__in=subjects)
    read = dict(polls.values_list("subject", "last_success_at"))
    return [
        RevokeFacts(key, key_status(key), is_consoles_own(key, workspace), read.get(key.upstream_id)) for key in listed
    ]


def verdict_text(result: RevokeResult | RevokeAllResult) -> str:
    """Return the message beside a verdict, without what the list has settled since."""
    if result.error is None:
        return result.message
    explanation = explain(result.error)
    if not explanation.outcome_unknown or result.verdict is RevokeVerdict.UNKNOWN:
        return explanation.sentence
    shown = "the key as active" if result.verdict is RevokeVerdict.FAILED else "the key as revoked"
    if isinstance(result, RevokeAllResult):
        shown = "the status of each key below"
    return f"{explanation.title}. The list has synced since then and shows {shown}."


@dataclass
class KeyListConnection:
    """How the key list of a workspace is read, and what prevents it."""

    workspace: Workspace
    polls: dict[str, Poll]

    @classmethod
    def of(cls, workspace: Workspace) -> "KeyListConnection":
        """Load the polls of both key lists."""
        polls = workspace.polls.filter(resource__in=[KEYS, LIGHT_KEYS])
        return cls(workspace, {poll.resource: poll for poll in polls})

    @property
    def settings_url(self) -> str:
        """Return the URL of the page to enter credentials on."""
        return reverse("workspaces:settings", args=[self.workspace.slug])

    @property
    def has_full_list(self) -> bool:
        """Return whether the management session reads the list; otherwise the API key reads the light one."""
        return self.workspace.has_session

    @property
    def resource(self) -> str:
        """Return the name of the list that is read now, or would be."""
        light = self.polls.get(LIGHT_KEYS)
        reads_light = not self.has_full_list and light is not None and not light.paused_reason
        return LIGHT_KEYS if reads_light else KEYS

    @property
    def poll(self) -> Poll | None:
        return self.polls.get(self.resource)

    @property
    def session_state(self) -> str:
        """Return "ok", or why commands are disabled."""
        return session_state(self.workspace)

    @property
    def ends_soon(self) -> datetime | None:
        """Return when a pasted token expires, unless it already has."""
        session = self.workspace.management_session
        return session.token_expires_at if session is not None and session.is_usable else None

    @cached_property
    def failure(self) -> ErrorMessage | None:
        """Return why the last reading failed, or None if it succeeded."""
        if self.poll is None or not self.poll.consecutive_failures:
            return None
        failure = explain_kind(self.poll.last_error_kind, self.poll.last_error, self.poll.last_request_id)
        if failure.kind != "rate-limited":
            return failure
        clock = f"{timezone.localtime(self.poll.next_run_at):%H:%M}"
        return replace(failure, title=f"Rate limited until {clock}", text=f"The next sync is at {clock}.")

    def blank(self) -> EmptyState:
        """Return why there is no key to show at all."""
        poll, failure = self.poll, self.failure
        # A poll is paused when its credential is missing or was refused.
        if poll is None or (poll.paused_reason and poll.last_success_at is None) or self._cannot_read():
            return self._blank_for_session()
        if failure is not None:
            return self._blank_for(failure)
        if poll.last_success_at is None:
            return EmptyState("nothing", "Syncing for the first time…", "Keys appear here in a moment.")
        return EmptyState("nothing", "No API keys yet", "Create a key to call the Cleanlist API.")

    def _cannot_read(self) -> bool:
        return self.resource == KEYS and not self.has_full_list

    def _blank_for_session(self) -> EmptyState:
        return without_session(
            self.workspace,
            "Not connected to key management",
            "Add a management session, or an API key with the scope admin:api_keys, to list keys here.",
            "The stored management session no longer works, so keys cannot be synced.",
            "Open settings",
        )

    def _blank_for(self, failure: ErrorMessage) -> EmptyState:
        text = f"{failure.text} {failure.fix}".strip()
        url = reverse(failure.action_url_name, args=[self.workspace.slug]) if failure.action_url_name else ""
        return EmptyState(failure.kind, failure.title, text, url, failure.action_label)


@dataclass(frozen=True)
class KeySlots:
    """The number of active keys, upstream's limit, and the keys' owner."""

    active: int
    most: int
    owner: str
    others: int

    @property
    def level(self) -> str:
        """Return the level that colors the bar."""
        return "danger" if self.active >= self.most else "warning" if self.active >= self.most - 1 else ""


def key_slots(workspace: Workspace) -> KeySlots:
    """Count active keys: the session user's against the limit, those of the light list separately."""
    counts = ApiKey.objects.of(workspace).active().count_in_full()
    session = workspace.management_session
    owner = (session.user_email or session.user_id) if session else ""
    return KeySlots(counts["full"], MOST_ACTIVE_KEYS, owner, counts["light"])
