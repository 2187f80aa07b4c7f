"""Filters the headers that reach Django: none that the standard library parses slowly or that no form of ours needs."""

import re

from config.front import RequestRefused, Scope

Headers = list[tuple[bytes, bytes]]

# The content types that browsers send for our forms. Everything else that is legal here (comments, quoted pairs, parts,
# other encodings) would be parsed by the e-mail parser, in quadratic time.
_FORM = re.compile(
    rb"application/x-www-form-urlencoded(?:; ?charset=utf-8)?"
    rb"|multipart/form-data; ?boundary=([0-9a-z'()+_,./:=?-]{1,70})",
    re.IGNORECASE,
)
# The headers of each part of a form, up to 1 KiB, are parsed in the same way. Our forms with files have about ten
# fields.
PARTS = 100


def page_headers(scope: Scope, body: bytes) -> Headers:
    """Return the headers for a page. Raises RequestRefused for a body that is not a form."""
    headers = [(name, value) for name, value in scope["headers"] if name not in {b"content-type", b"cookie"}]
    headers += [(b"cookie", _plain_cookies(value)) for name, value in scope["headers"] if name == b"cookie"]
    return headers + _content_type(scope, body)


def probe_headers(scope: Scope) -> Headers:
    """Return the only header for probes and scrapers: authorization."""
    return [(name, value) for name, value in scope["headers"] if name == b"authorization"]


def _plain_cookies(value: bytes) -> bytes:
    # Unquoting takes quadratic time before Python 3.11.10 (CVE-2024-7592). None of our cookies is quoted.
    return b";".join(cookie for cookie in value.split(b";") if b'"' not in cookie)


def _content_type(scope: Scope, body: bytes) -> Headers:
    types = [value for name, value in scope["headers"] if name == b"content-type"]
    if not body or not types:
        return []
    form = _FORM.fullmatch(types[0])
    if len(types) > 1 or not form:
        raise RequestRefused(
            415, "Only forms are taken here: application/x-www-form-urlencoded or multipart/form-data."
        )
    if form[1] and body.count(b"--" + form[1]) > PARTS + 1:
        raise RequestRefused(400, f"That form has too many parts: at most {PARTS}.")
    return [(b"content-type", types[0])]
