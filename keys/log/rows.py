"""All that is known of a single row of the log, and the ways on from it."""

from dataclasses import dataclass
from datetime import UTC, timedelta

from django.urls import reverse
from django.utils.http import urlencode

from keys.log.curl import curl_for
from keys.log.filters import LogFilterForm
from keys.models import LoggedRequest
from keys.models.request_log import LoggedRequestQuerySet
from workspaces.models import Workspace


@dataclass(frozen=True)
class OpenRow:
    """One row with everything that is known of it, and the ways on from it."""

    entry: LoggedRequest
    is_listed: bool
    curl: str
    links: tuple[tuple[str, str], ...]


def opened(
    text: str, rows: list[LoggedRequest], scope: LoggedRequestQuerySet, form: LogFilterForm, workspace: Workspace
) -> OpenRow | None:
    """Return the row of ``scope`` that the address opens, also where it is not among the ``rows`` shown."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        return None
    listed = next((row for row in rows if row.pk == int(text)), None)
    entry = listed or scope.select_related("key").filter(pk=int(text)).first()
    if entry is None:
        return None
    curl = curl_for(entry, workspace.base_url)
    return OpenRow(entry, listed is not None, curl, tuple(_more_like(entry, form, workspace)))


def _more_like(entry: LoggedRequest, form: LogFilterForm, workspace: Workspace) -> list[tuple[str, str]]:
    minute = entry.created_at.astimezone(UTC).replace(second=0, microsecond=0)
    times = {"start": _iso(minute.isoformat()), "end": _iso((minute + timedelta(minutes=1)).isoformat()), "since": ""}
    own = {"own": "1"} if entry.is_own_call else {}
    links = [
        ("Same path", form.link(path=f"={entry.path}"[:1000], **own)),
        ("Same minute", form.link(**times, **own)),
    ]
    if entry.status_code is not None:
        links.insert(0, ("Same status", form.link(status=str(entry.status_code), **own)))
    if entry.ip_address:
        everywhere = reverse("keys:log", args=[workspace.slug])
        links.insert(0, ("Same IP address", form.link(ip=entry.ip_address, **own)))
        links.append(("Who used this IP address?", f"{everywhere}?{urlencode({'ip': entry.ip_address, **own})}"))
    return links


def _iso(text: str) -> str:
    return text.replace("+00:00", "Z")
