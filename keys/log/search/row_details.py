"""The details of one row of the log: its curl command, and links to similar rows."""

import re
from dataclasses import dataclass
from datetime import UTC, timedelta
from urllib.parse import quote

from django.http import QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from cleanlist import characters
from core.net.curl import JSON, curl_command
from keys.log.models.request import LoggedRequestQuerySet
from keys.log.search.filters import LogFilterForm
from keys.models import LoggedRequest
from workspaces.models import Workspace

_UNSEEN = re.compile(f"[{characters.INVISIBLE}{characters.ZERO_WIDTH}]+")
_WITH_BODY = {"POST", "PUT", "PATCH"}


@dataclass(frozen=True)
class RowDetails:
    """A row with its curl command and links to similar rows. ``is_listed``: the page's table shows it too."""

    entry: LoggedRequest
    is_listed: bool
    curl: str
    links: tuple[tuple[str, str], ...]


def open_row(
    text: str, listed: list[LoggedRequest], rows: LoggedRequestQuerySet, form: LogFilterForm, workspace: Workspace
) -> RowDetails | None:
    """Return the details of the row with the id ``text``; which may be one of ``listed``."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        return None
    in_table = next((row for row in listed if row.pk == int(text)), None)
    entry = in_table or rows.select_related("key").filter(pk=int(text)).first()
    if entry is None:
        return None
    curl = command_for(entry, workspace.base_url)
    return RowDetails(entry, in_table is not None, curl, tuple(_links_to_similar(entry, form, workspace)))


def row_urls(log_url: str, query: QueryDict) -> dict[str, str]:
    """Return the URL of this page with no row open, and the one to append a row's id to."""
    kept = query.copy()
    for name in ("row", "seen", "shown"):
        kept.pop(name, None)
    text = kept.urlencode()
    return {
        "closed_url": f"{log_url}?{text}" if text else log_url,
        "opening_url": f"{log_url}?{text}&row=" if text else f"{log_url}?row=",
    }


def _links_to_similar(entry: LoggedRequest, form: LogFilterForm, workspace: Workspace) -> list[tuple[str, str]]:
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


def command_for(entry: LoggedRequest, base_url: str) -> str:
    """Return ``entry`` as a curl command. The log has no bodies: body.json stands for one."""
    has_body = entry.method in _WITH_BODY
    headers = [JSON] if has_body else []
    if agent := _UNSEEN.sub(" ", entry.user_agent).strip():
        # As a header, so that curl takes no part of it for an option or a file.
        headers.insert(0, f"User-Agent: {agent}")
    return curl_command(
        _url(base_url, entry.path),
        options=["--path-as-is"],
        method=_UNSEEN.sub("", entry.method),
        headers=headers,
        data="@body.json" if has_body else "",
    )


def _url(base_url: str, path: str) -> str:
    """Return the URL; the leading slash keeps the path from becoming part of the host name."""
    escaped = quote(path, safe="/?&=%:@!$'()*+,;~.-_[]")
    return base_url.rstrip("/") + "/" + escaped.removeprefix("/")
