"""Where results landed: the names of lead lists, asked when a person wants to know."""

from datetime import timedelta
from typing import NamedTuple

from cleanlist.errors import CleanlistError, InsufficientScope, NotFound
from core import clock
from core.encryption import DecryptionError
from core.sanitize import sanitize_text
from webhooks.models import LeadList, Workflow
from workspaces.credentials.clients import AddressNotAllowed, NotConnected, reading_client
from workspaces.error_messages import explain
from workspaces.models import Workspace
from workspaces.polling import rate_limiter

ENDPOINT = "lead-lists"
# A list may be renamed in Cleanlist.
ASK_AGAIN_AFTER = timedelta(hours=1)


class ListName(NamedTuple):
    """A list's ID with its name; an empty name is unknown, for the reason in ``problem`` where the console asked."""

    list_id: str
    name: str = ""
    problem: str = ""

    def __str__(self) -> str:
        if self.name:
            return f"{self.name} ({self.list_id})"
        return f"{self.list_id} (its name is unknown{f': {self.problem}' if self.problem else ''})"


def stored_name(workflow: Workflow) -> ListName | None:
    """Return the list where the results of ``workflow`` land, as last read; None where that isn't known."""
    if not workflow.lead_list_id:
        return None
    known = LeadList.objects.filter(workspace=workflow.workspace_id, list_id=workflow.lead_list_id).first()
    return ListName(workflow.lead_list_id, known.name if known else "")


def ask_name(workspace: Workspace, list_id: str) -> ListName:
    """Return the list's name, which Cleanlist is asked for unless that was done just before; store it."""
    known = LeadList.objects.filter(workspace=workspace, list_id=list_id).first()
    now = clock.cached_now()
    if known is not None and known.read_at > now - ASK_AGAIN_AFTER:
        return ListName(list_id, known.name)
    try:
        with reading_client(workspace) as client:
            rate_limiter.record([(workspace.rate_limited_as, ENDPOINT)])
            name = sanitize_text(client.lists.get(list_id).name, 200)
    except NotFound:
        # It had that name, but it is no longer there, or no longer shared.
        return ListName(list_id, "", "Cleanlist doesn't show this list to the console's key")
    except InsufficientScope:
        return ListName(list_id, known.name if known else "", "the console's key lacks lists:read")
    except (CleanlistError, NotConnected, AddressNotAllowed, DecryptionError) as error:
        return ListName(list_id, known.name if known else "", explain(error).title)
    LeadList.objects.update_or_create(workspace=workspace, list_id=list_id, defaults={"name": name, "read_at": now})
    return ListName(list_id, name)
