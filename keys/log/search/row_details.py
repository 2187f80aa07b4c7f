"""All that is known of a single row of the log, and the ways on from it."""

from dataclasses import dataclass
from datetime import UTC, timedelta

from django.http import QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from keys.log.models.request import LoggedRequestQuerySet
from keys.log.search.curl import curl_for
from keys.log.search.filters import LogFilterForm
from keys.models import LoggedRequest
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
    """Return the row of ``scope`` that the address opens; one of the ``rows`` shown is noted there as ``is_open``."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        return None
    listed = next((row for row in rows if row.pk == int(text)), None)
    entry = listed or scope.select_related("key").filter(pk=int(text)).first()
    if entry is None:
        return None
    if listed:
        listed.is_open = True  # type: ignore[attr-defined]
    curl = curl_for(entry, workspace.base_url)
    return OpenRow(entry, listed is not None, curl, tuple(_more_like(entry, form, workspace)))


def row_urls(log_url: str, query: QueryDict) -> dict[str, str]:
    """Return the address of this page with no row open, and the one to which the id of a row is added to open it."""
    kept = query.copy()
    for name in ("row", "seen", "shown"):
        kept.pop(name, None)
    text = kept.urlencode()
    return {
        "closed_url": f"{log_url}?{text}" if text else log_url,
        "opening_url": f"{log_url}?{text}&row=" if text else f"{log_url}?row=",
    }


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
    if entry.has_address:
        everywhere = reverse("keys:log", args=[workspace.slug])
        links.insert(0, ("Same IP address", form.link(ip=entry.ip_address, **own)))
        links.append(("Who used this IP address?", f"{everywhere}?{urlencode({'ip': entry.ip_address, **own})}"))
    return links


def _iso(text: str) -> str:
    return text.replace("+00:00", "Z")
