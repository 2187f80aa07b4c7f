"""The result of a workflow as upstream has it: fetched when a person asks, shown masked, and never stored."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from cleanlist import Client, EnrichmentStatus
from cleanlist.errors import NotFound
from core import clock
from core.export import csv_lines
from core.sanitize import sanitize_text
from webhooks import payloads, tracked_workflows
from webhooks.ingest import enrichment_status
from webhooks.models import Workflow
from workspaces.audit.events import Actor, record_event
from workspaces.credentials.clients import reading_client
from workspaces.models import Action
from workspaces.polling import rate_limiter

ENDPOINT = "enrich/status"
MASK = "•••"
_MAX_CHARACTERS = 500


class Contact(NamedTuple):
    """One contact of a result; its fields are the columns of the file. Everything is text, as upstream may send any."""

    task_id: str
    status: str
    full_name: str
    title: str
    linkedin_url: str
    primary_email: str
    primary_email_status: str
    personal_phone_numbers: str
    company: str
    company_domain: str

    def masked(self) -> "Contact":
        """Return the contact without what identifies the person; what was found stays visible."""
        return self._replace(
            full_name=mask(self.full_name),
            title=mask(self.title),
            linkedin_url=mask(self.linkedin_url),
            primary_email=mask_email(self.primary_email),
            personal_phone_numbers="; ".join(mask_phone(one) for one in self.personal_phone_numbers.split("; ") if one),
        )


@dataclass(frozen=True)
class WorkflowResult:
    """A workflow's result. ``is_finished`` is false while contacts are still worked on."""

    body: dict[str, object]
    contacts: list[Contact]
    is_finished: bool

    @property
    def masked(self) -> list[Contact]:
        """Return the contacts as everybody may see them."""
        return [contact.masked() for contact in self.contacts]


def fetch(workflow: Workflow) -> WorkflowResult:
    """Read the result now, and record the enrichment's state. Raises what ``reading_client`` and calls raise.

    Takes as long as upstream does, at most the client's total time-out.
    """
    with reading_client(workflow.workspace) as client:
        rate_limiter.record([(workflow.workspace.rate_limited_as, ENDPOINT)])
        status = _read(client, workflow)
    enrichment_status.record_status(workflow, status, clock.now())
    return parse_result(workflow.workflow_id, status)


def _read(client: Client, workflow: Workflow) -> EnrichmentStatus:
    """Read the status with all contacts, as only the older surface has them; it may not know newer workflows."""
    try:
        return client.enrich.status(workflow_id=workflow.workflow_id)
    except NotFound:
        if tracked_workflows.status_resource(workflow.workflow_id) == tracked_workflows.STATUS:
            raise
        return client.enrich.newer_status(workflow.workflow_id)


def reveal(workflow: Workflow, actor: Actor) -> WorkflowResult:
    """Read the result for somebody who sees it in clear, and record that. Raises as ``fetch`` does."""
    found = fetch(workflow)
    _record(Action.RESULTS_REVEALED, workflow, actor, found)
    return found


def export(workflow: Workflow, actor: Actor, file_format: str) -> WorkflowResult:
    """Read the result for somebody who takes it as a file, and record that. Raises as ``fetch`` does."""
    found = fetch(workflow)
    _record(Action.RESULTS_EXPORTED, workflow, actor, found, format=file_format)
    return found


def _record(action: Action, workflow: Workflow, actor: Actor, found: WorkflowResult, **details: Any) -> None:
    subject = (workflow.workflow_id, workflow.workflow_id)
    record_event(action, actor, workspace=workflow.workspace, subject=subject, contacts=len(found.contacts), **details)


def parse_result(workflow_id: str, status: EnrichmentStatus) -> WorkflowResult:
    """Return the result in ``status``."""
    body = payloads.build_payload(workflow_id, status)
    return WorkflowResult(body, [_contact(one) for one in body["results"]], enrichment_status.is_finished(status))


def to_json(result: WorkflowResult) -> Iterator[str]:
    """Yield the body that the webhook would have carried."""
    yield json.dumps(result.body, indent=2, default=str) + "\n"


def to_csv(result: WorkflowResult) -> Iterator[str]:
    """Yield one line a contact, with a header."""
    return csv_lines(Contact._fields, result.contacts)


def mask(text: str) -> str:
    """Keep the first character."""
    return text and text[0] + MASK


def mask_email(text: str) -> str:
    """Keep the first character and the domain."""
    name, at, domain = text.rpartition("@")
    return f"{name[:1]}{MASK}@{domain}" if at else mask(text)


def mask_phone(text: str) -> str:
    """Keep the last two digits."""
    digits = re.sub(r"\D", "", text)
    return MASK + digits[-2:] if digits else mask(text)


def _contact(result: Mapping[str, object]) -> Contact:
    """Return a contact of a webhook's shape, or of the flatter one in the newer surface's status of a person."""
    prospect, company = _mapping(result.get("prospect")) or result, _mapping(result.get("company"))
    names = (prospect.get("first_name"), prospect.get("last_name"))
    name_of_company = result.get("company") if isinstance(result.get("company"), str) else company.get("name")
    return Contact(
        task_id=_text(result.get("task_id")),
        status=_text(result.get("status")),
        full_name=_text(prospect.get("full_name")) or " ".join(_text(name) for name in names if name),
        title=_text(prospect.get("title")),
        linkedin_url=_text(prospect.get("linkedin_url")),
        primary_email=_text(result.get("primary_email") or result.get("email")),
        primary_email_status=_text(result.get("primary_email_status") or result.get("email_status")),
        personal_phone_numbers=_text(result.get("personal_phone_numbers") or result.get("phone")),
        company=_text(name_of_company),
        company_domain=_text(company.get("domain")),
    )


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
        return "; ".join(filter(None, (_text(one) for one in value)))[:_MAX_CHARACTERS]
    return sanitize_text(value if isinstance(value, str) else json.dumps(value, default=str), _MAX_CHARACTERS)
