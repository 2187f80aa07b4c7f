"""Builds the files of a bundle. The same facts give the same text, so the download is what was previewed."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings

from cleanlist import Secret
from core.encryption import DecryptionError, EncryptedValue
from core.export import csv_lines
from core.form_messages import CleanedData
from core.sanitize import sanitize_text
from keys.models import ApiKey, LoggedRequest
from troubleshooting.bundle.facts import BundleFacts, collect_facts, environment
from troubleshooting.bundle.redactor import Redactor, find_names, mask_body
from webhooks.models import Attempt
from workspaces.audit.events import Actor, record_event
from workspaces.credentials.states import api_key_state, session_state
from workspaces.models import Action, User, Workspace

MOST_PEOPLE = 200


@dataclass(frozen=True)
class SupportBundle:
    """The files by name, what was taken out of them, and the text for the email, which is among the files."""

    files: tuple[tuple[str, str], ...]
    taken_out: dict[str, int]
    until: datetime

    @property
    def email(self) -> str:
        """Return the text to send to support."""
        return self.files[0][1]

    @property
    def text(self) -> str:
        """Return all files as one text."""
        return "\n".join(f"===== {name} =====\n\n{content}" for name, content in self.files)

    @property
    def digest(self) -> str:
        """Return what differs as soon as any file does."""
        return hashlib.sha256(json.dumps(self.files).encode()).hexdigest()


def make_bundle(workspace: Workspace, asked: CleanedData, key: ApiKey | None) -> SupportBundle:
    """Return the bundle for what ``asked``, the form's cleaned data, says. Nothing is kept of it."""
    names = [*_people(workspace), *find_names(asked["body"])]
    redactor = Redactor(frozenset(asked["keep"]), _known_secrets(workspace), names)
    facts = collect_facts(workspace, asked, key)
    sample = mask_body(asked["body"], redactor)
    files = [
        ("email.txt", _email(asked, facts, sample, redactor)),
        ("report.txt", _report(facts, redactor)),
        ("environment.json", json.dumps(environment(), indent=2) + "\n"),
    ]
    if facts.requests:
        files.append(("requests.csv", _requests(facts.requests, redactor)))
    if facts.attempts:
        files.append(("webhook-attempts.csv", _attempts(facts.attempts, redactor)))
    if sample:
        files.append(("sample-body.json", sample + "\n"))
    taken_out = {word: count for word, count in sorted(redactor.counts.items()) if count}
    return SupportBundle(tuple(files), taken_out, asked["until"])


def record_download(workspace: Workspace, actor: Actor, asked: CleanedData, file_format: str) -> None:
    """Record that the actor takes the bundle for what ``asked`` says."""
    about = {name: sanitize_text(asked[name], 200) for name in ("workflow", "key", "request", "column") if asked[name]}
    record_event(
        Action.SUPPORT_BUNDLE_MADE,
        actor,
        workspace=workspace,
        subject=("", file_format),
        about=about,
        left_in=list(asked["keep"]),
    )


def _people(workspace: Workspace) -> list[str]:
    found = User.objects.filter(memberships__workspace=workspace).exclude(name="").order_by("pk")
    return list(found.values_list("name", flat=True)[:MOST_PEOPLE])


def _known_secrets(workspace: Workspace) -> list[str]:
    """Return every secret that the console itself holds: somebody may have pasted one that has no shape of its own."""
    session = workspace.management_session
    sealed = [workspace.api_key, *([session.token, session.client_token] if session else [])]
    own = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS, *settings.ENCRYPTION_KEYS, settings.METRICS_TOKEN]
    places = [settings.DATABASES["default"].get("PASSWORD"), getattr(settings, "EMAIL_HOST_PASSWORD", "")]
    return [*map(_opened, sealed), *(str(secret) for secret in [*own, *places] if secret)]


def _opened(sealed: EncryptedValue | None) -> str:
    try:
        secret: Secret | None = sealed.decrypt() if sealed is not None else None
    except DecryptionError:
        return ""
    return secret.reveal() if secret is not None else ""


def _email(asked: CleanedData, facts: BundleFacts, sample: str, redactor: Redactor) -> str:
    """Return what the service's page on troubleshooting asks people to send, in its order."""
    status = asked["status"] or (facts.request.status_code if facts.request else None)
    endpoint = asked["endpoint"] or (f"{facts.request.method} {facts.request.path}" if facts.request else "")
    rows = [
        ("Endpoint or feature", redactor.line(endpoint)),
        ("Status code", str(status or "")),
        ("Workflow ID", redactor.line(asked["workflow"])),
        ("API key", _key_words(facts.key, redactor)),
        ("Column ID", redactor.line(asked["column"])),
        ("Request ID", redactor.line(asked["request"])),
        ("Organization", redactor.line(facts.workspace.organization_id)),
        ("Time", _time(facts.request.created_at) if facts.request else ""),
    ]
    parts = [f"Subject: {_subject(endpoint, status, redactor)}\n", _rows(rows)]
    parts += _block("Exact error message", redactor.text(asked["message"]))
    parts += _block("What we tried", redactor.text(asked["tried"]))
    parts += _block("Sample request body (values removed)", sample)
    return "\n".join(parts)


def _subject(endpoint: str, status: int | None, redactor: Redactor) -> str:
    where = redactor.line(endpoint, 80)
    return " ".join(filter(None, ["Problem with", where or "the API", f"({status})" if status else ""]))


def _key_words(key: ApiKey | None, redactor: Redactor) -> str:
    return f"{redactor.line(key.upstream_id)} ({redactor.line(key.masked)})" if key else ""


def _report(facts: BundleFacts, redactor: Redactor) -> str:
    parts = [f"As of {_time(facts.until)}. All times are UTC.\n"]
    for title, rows in (
        ("Connection", _connection(facts, redactor)),
        ("API key", _key(facts, redactor)),
        ("Workflow", _workflow(facts, redactor)),
        ("Request", _request(facts, redactor)),
    ):
        parts += [f"{title}\n{'-' * len(title)}", _rows(rows)] if any(value for _, value in rows) else []
    parts.append(f"Requests in requests.csv: {len(facts.requests)}, newest first, without this console's own calls.")
    parts.append(f"Attempts in webhook-attempts.csv: {len(facts.attempts)}, newest first.\n")
    return "\n".join(parts)


def _connection(facts: BundleFacts, redactor: Redactor) -> list[tuple[str, str]]:
    workspace = facts.workspace
    polls = (
        f"{poll.resource}: {poll.consecutive_failures} in a row, {poll.last_error}" for poll in facts.failing_polls
    )
    return [
        ("API address", redactor.url(workspace.base_url)),
        ("Organization", redactor.line(workspace.organization_id)),
        ("Plan", redactor.line(workspace.tier)),
        ("Features", redactor.line(", ".join(map(str, workspace.features)))),
        ("Scopes", redactor.line(", ".join(map(str, workspace.scopes)), 600)),
        ("Stored API key", api_key_state(workspace).word),
        ("Management session", session_state(workspace).word),
        ("Credits", f"{facts.balance.credits.normalize():f}" if facts.balance else "not synced"),
        *(("Failing sync", redactor.line(poll)) for poll in polls),
    ]


def _key(facts: BundleFacts, redactor: Redactor) -> list[tuple[str, str]]:
    if (key := facts.key) is None:
        return []
    return [
        ("Id", redactor.line(key.upstream_id)),
        ("Name", redactor.line(key.name)),
        ("Secret", redactor.line(key.masked)),
        ("Active", "yes" if key.is_active else "no"),
        ("Created", _time(key.created_at)),
        ("Expires", _time(key.expires_at) or "never"),
        ("Revoked", _time(key.revoked_at) or "no"),
    ]


def _workflow(facts: BundleFacts, redactor: Redactor) -> list[tuple[str, str]]:
    if (workflow := facts.workflow) is None:
        return []
    counts = ", ".join(f"{name} {count}" for name, count in sorted(workflow.summary.items()))
    return [
        ("Id", redactor.line(workflow.workflow_id)),
        ("Status", redactor.line(workflow.status) or "not synced"),
        ("Counts", redactor.line(counts)),
        ("First seen", _time(workflow.first_seen_at)),
        ("Completed", _time(workflow.completed_at)),
        ("Status could not be synced", redactor.line(workflow.status_error)),
    ]


def _request(facts: BundleFacts, redactor: Redactor) -> list[tuple[str, str]]:
    if (request := facts.request) is None:
        return []
    row = _request_row(request, redactor)
    said = (_time(value) if isinstance(value, datetime) else str(value) for value in row)
    return list(zip(REQUEST_COLUMNS, said, strict=True))


REQUEST_COLUMNS = ("id", "time", "key", "method", "path", "status", "milliseconds", "ip_address", "user_agent")
ATTEMPT_COLUMNS = ("time", "url", "attempt", "status", "status_code", "milliseconds", "error")


def _request_row(row: LoggedRequest, redactor: Redactor) -> list[object]:
    which = [redactor.line(row.upstream_id), row.created_at, redactor.line(row.key.upstream_id)]
    asked = [redactor.line(row.method, 16), redactor.line(row.path), _number(row.status_code), _number(row.duration_ms)]
    return [*which, *asked, redactor.line(redactor.mark("addresses", row.ip_address)), redactor.line(row.user_agent)]


def _requests(rows: Iterable[LoggedRequest], redactor: Redactor) -> str:
    return "".join(csv_lines(REQUEST_COLUMNS, (_request_row(row, redactor) for row in rows)))


def _attempts(rows: Iterable[Attempt], redactor: Redactor) -> str:
    lines = (
        [
            row.at,
            redactor.line(redactor.url(row.delivery.url)),
            row.number,
            redactor.line(row.status, 60),
            _number(row.status_code),
            _number(row.duration_ms),
            redactor.line(row.error),
        ]
        for row in rows
    )
    return "".join(csv_lines(ATTEMPT_COLUMNS, lines))


def _rows(rows: Iterable[tuple[str, str]]) -> str:
    return "".join(f"{label}: {value}\n" for label, value in rows if value)


def _block(title: str, text: str) -> list[str]:
    """Return a text of several lines under its title, set in, so that none of them passes for a title."""
    if not text.strip():
        return []
    return [f"{title}:", "".join(f"    {line}\n" for line in text.splitlines())]


def _time(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _number(value: int | None) -> object:
    return "" if value is None else value
