"""Writes curl commands to paste into a shell. Everything in them is hostile until quoted."""

import shlex
from collections.abc import Iterable

JSON = "Content-Type: application/json"
# The shell inserts the key, so that it appears in no page and no clipboard.
_WITH_KEY = '--header "Authorization: Bearer $CLEANLIST_API_KEY"'


def curl_command(
    url: str,
    *,
    options: Iterable[str] = (),
    method: str = "GET",
    headers: Iterable[str] = (),
    data: str = "",
    with_key: bool = True,
) -> str:
    """Return the command, one option per line; ``options`` come as they are. ``url`` must begin with its scheme."""
    parts = [" ".join(["curl --globoff", *options])]  # which takes brackets in the URL for themselves
    if method != "GET":
        parts.append(f"--request {shlex.quote(method)}")
    if with_key:
        parts.append(_WITH_KEY)
    parts += [f"--header {shlex.quote(header)}" for header in headers]
    if data:
        parts.append(f"--data {shlex.quote(data)}")
    return " \\\n  ".join([*parts, shlex.quote(url)])
