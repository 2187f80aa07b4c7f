"""Reads requests and responses as they are on the wire, and as ``curl -v`` and developer tools show them."""

import re

from troubleshooting.pasted.request import PastedRequest

_REQUEST_LINE = re.compile(
    r"^(?:>[ \t]*)?(GET|POST|PUT|PATCH|DELETE|HEAD)[ \t]+(\S{1,2000})[ \t]+HTTP/[\d.]+[ \t\r]*$", re.MULTILINE
)
_STATUS_LINE = re.compile(r"^(?:<[ \t]*)?HTTP/[\d.]+[ \t]+(\d{3})\b[^\r\n]*$", re.MULTILINE)
_LINE = re.compile(r"^(?:>[ \t]?)?([A-Za-z][\w-]{0,60})[ \t]*:[ \t]*+(.*)")


def parse_raw_request(text: str) -> PastedRequest | None:
    """Return the first request on the wire in ``text``, with the response below it; None where there is none."""
    found = _REQUEST_LINE.search(text)
    if found is None:
        return None
    request = PastedRequest(found[1], found[2])
    is_marked = found[0].startswith(">")
    lines = text[found.end() :].lstrip("\r\n").splitlines()
    for line in lines:
        header = _LINE.match(line) if not is_marked or line.startswith(">") else None
        if header is None:
            break
        request.headers.append((header[1], header[2].strip()))
    rest = "\n".join(lines[len(request.headers) :])
    answer = _STATUS_LINE.search(rest)
    if answer:
        request.status = int(answer[1])
        request.answer = rest[answer.end() :].rpartition("\n<")[2].partition("\n")[2].strip() or rest[answer.end() :]
    body = rest[: answer.start()].strip() if answer else rest.strip()
    if body.startswith(("{", "[")):
        request.data = [body]
    return request
