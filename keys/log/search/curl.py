"""A logged request as a command to paste into a shell. What the log says is hostile until quoted."""

import re
import shlex
from urllib.parse import quote

from keys.models import LoggedRequest

# Where the secret goes: the shell fills it in, so that it is in no log and no clipboard.
SECRET = "$CLEANLIST_API_KEY"  # noqa: S105 - its name, not its value
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")
_WITH_BODY = {"POST", "PUT", "PATCH"}


def curl_for(entry: LoggedRequest, base_url: str) -> str:
    """Return ``entry`` as a curl command, one option a line. The log holds no body: body.json stands for it."""
    parts = ["curl --globoff --path-as-is"]
    if entry.method != "GET":
        parts.append(f"--request {shlex.quote(_CONTROL.sub('', entry.method))}")
    parts.append(f'--header "Authorization: Bearer {SECRET}"')
    if agent := _CONTROL.sub(" ", entry.user_agent).strip():
        # As a header: curl takes no part of it for an option or a file.
        parts.append(f"--header {shlex.quote(f'User-Agent: {agent}')}")
    if entry.method in _WITH_BODY:
        parts += ["--header 'Content-Type: application/json'", "--data @body.json"]
    parts.append(shlex.quote(_address(base_url, entry.path)))
    return " \\\n  ".join(parts)


def _address(base_url: str, path: str) -> str:
    """Return the address; the leading slash keeps the path from adding to the host's name."""
    escaped = quote(path, safe="/?&=%:@!$'()*+,;~.-_[]")
    return base_url.rstrip("/") + "/" + escaped.removeprefix("/")
