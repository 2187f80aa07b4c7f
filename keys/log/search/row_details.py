"""The details of one row of the log: its curl command, and links to similar rows."""

import re
from dataclasses import dataclass
from datetime import UTC, timedelta
from urllib.parse import quote

from django.urls import reverse
from django.utils.http import urlencode

from cleanlist import characters
from core.net.curl import JSON, curl_command
from keys.log.search.filters import LogFilterForm, LogScope
from keys.log.search.page import neighbor_rows
from keys.models import LoggedRequest

_UNSEEN = re.compile(f"[{characters.INVISIBLE}{characters.ZERO_WIDTH}]+")
_WITH_BODY = {"POST", "PUT", "PATCH"}


@dataclass(frozen=True)
class RowDetails:
    """A row with its curl command, links to similar rows, and the URLs of its neighbors among what matches."""

    entry: LoggedRequest
    curl: str
    links: tuple[tuple[str, str], ...]
    newer_url: str
    older_url: str

    @property
    def row_id(self) -> str:
        """Return the id of the row's link in the table."""
        return f"open-{self.entry.pk}"


def open_row(form: LogFilterForm, scope: LogScope, opening_url: str) -> RowDetails | None:
    """Return the details of the row that ``row`` in the query string names, whether the filters match it or not.

    ``opening_url`` is what to append a row's id to.
    """
    text = form.query.get("row", "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        return None
    entry = scope.rows.select_related("key").filter(pk=int(text)).first()
    if entry is None:
        return None
    newer, older = (f"{opening_url}{row.pk}" if row else "" for row in neighbor_rows(form, scope, entry.cursor))
    curl = command_for(entry, scope.workspace.base_url)
    return RowDetails(entry, curl, tuple(_links_to_similar(entry, form, scope)), newer, older)


def _links_to_similar(entry: LoggedRequest, form: LogFilterForm, scope: LogScope) -> list[tuple[str, str]]:
    everywhere = reverse("keys:log", args=[scope.workspace.slug])
    log = reverse("keys:requests", args=[scope.workspace.slug, scope.key.key_id]) if scope.key else everywhere
    minute = entry.created_at.astimezone(UTC).replace(second=0, microsecond=0)
    times = {"start": _iso(minute.isoformat()), "end": _iso((minute + timedelta(minutes=1)).isoformat()), "since": ""}
    own = {"own": "1"} if entry.is_own_call else {}
    links = [
        ("Same path", log + form.link(path=f"={entry.path}"[:1000], **own)),
        ("Same minute", log + form.link(**times, **own)),
    ]
    if entry.status_code is not None:
        links.insert(0, ("Same status", log + form.link(status=str(entry.status_code), **own)))
    if entry.has_address:
        links.insert(0, ("Same IP address", log + form.link(ip=entry.ip_address, **own)))
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
