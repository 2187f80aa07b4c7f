"""A request as it was read from what somebody pasted: what is known of it, and how surely."""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec

from troubleshooting.pasted.secret_patterns import MARKED, OTHER_ID, WORDS

_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT"}
_VARIABLE = re.compile(r"[${}<>%*]|^:")
_MOST_OF_PART, _MOST_OF_WORD = 15, 20  # characters of a path that may be anything, and of a word
_REQUEST_LINE = re.compile(
    r"^(?:>[ \t]*)?(GET|POST|PUT|PATCH|DELETE|HEAD)[ \t]+(?:(\S{1,2000})[ \t]+HTTP/[\d.]+|(https?://\S{1,2000}))"
    r"[ \t\r]*$",
    re.MULTILINE,
)
IN_URL = re.compile(r"[?&](?:api_?key|key|token|access_token)=", re.IGNORECASE)
KEY_IN_URL = re.compile(r"(?:https?://[^\s\"'<>:\[]{1,100})?(?::\d{1,5})?/[^\s\"'<>:\[]{0,120}\[key-removed:cl")
_STATUS_LINE = re.compile(r"^(?:<[ \t]*)?HTTP/[\d.]+[ \t]+(\d{3})\b[^\r\n]*$", re.MULTILINE)
# How what a command shows begins: a response, its body alone, or what the program itself says of it.
_SHOWN = re.compile(
    r"^[ \t]*+(?:(?:<[ \t]*)?HTTP/[\d.]{1,4}[ \t]+\d{3}\b|curl: \(\d|wget: |(?:https?|xh): error|HTTP request sent|"
    r"--\d{4}-\d\d-\d\d |\*[ \t]+(?:Trying|Host|Connected|Could not|Uses proxy)\b|[ \t]*% Total\b|<(?:!doctype|html)\b|"
    r"> (?:GET|POST|PUT|PATCH|DELETE|HEAD) /\S{0,2000} HTTP/|\{\s{0,20}['\"](?:detail|error)['\"]\s{0,20}:)",
    re.MULTILINE | re.IGNORECASE,
)
_FAILURE = re.compile(r"^(?:curl: \(\d|(?:wget|https?|xh): )", re.MULTILINE)
_NOISE = re.compile(r"(?:[*>]|[{}] \[\d{1,9} bytes)")
_VALUE_LATER = re.compile(r"\$[\w{(]|`")
# Contacts that a template puts in when it is sent.
_CONTACTS_LATER = re.compile(r"\"contacts\"\s{0,9}:\s{0,9}\"[^\"]{0,40}(?:\{\{|\$\{|<<|%\w)")
_TEMPLATE = re.compile(r"\{\{[-~]?\s{0,9}[\w$.#=/(@]|\{%|<%|\$\{\w")
_FILLED = re.compile(r"\{\{[^{}]+\}\}")
# Of files with requests: a section or a comment between the headers and the body, and what follows the body.
_BETWEEN = re.compile(r"\[\w{1,40}\]|(?:#|//).*")
_BEHIND_BODY = re.compile(
    r"^[ \t]*(?:HTTP(?:/[\d.]+)?[ \t]+(?:\d{3}|\*)[ \t]*$|###|> ?\{%|>>|<> |\?\?[ \t]|"
    r"(?:GET|POST|PUT|PATCH|DELETE)[ \t]+(?:https?://|\{\{))",
    re.MULTILINE,
)
_LINE = re.compile(r"^(?:>[ \t]?)?([A-Za-z][\w-]{0,60})[ \t]*:[ \t]*+(.*)")


# What httpx and urllib3 log of a request that was answered.
_LOGGED = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) (https?://[^\s\"]{1,2000}) \"HTTP/[\d.]{1,4} ([1-5]\d\d)\b")
_LOGGED_PATH = re.compile(
    r"(https?://[^\s\"/]{1,300}) \"(GET|POST|PUT|PATCH|DELETE) (/\S{1,2000}) HTTP/[\d.]{1,4}\" ([1-5]\d\d)\b"
)


@dataclass
class PastedRequest:
    """What would be sent; ``method`` is empty where that isn't known. Its secrets are marks already.

    ``is_whole`` tells that a header which is not here is not sent: so it is for a command, not for a part of a program.
    ``is_code`` tells that a program puts its values together, so that what stands for one isn't sent as it is written.
    ``is_form`` tells that its body is sent as a form unless a header says otherwise. ``is_file`` tells
    that it's written as in files of requests, whose templates are filled in. ``status`` and ``answer`` are what came
    back, where that was pasted too.
    """

    method: str = ""
    url: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    uses_basic: bool = False
    credential: str = ""
    auth_type: str = ""
    is_whole: bool = True
    is_code: bool = False
    is_form: bool = False
    is_file: bool = False
    is_sure_of_method: bool = True
    status: int | None = None
    answer: str = ""

    @property
    def success(self) -> int | None:
        """Return the 2xx that came back, which proves that its key and its address are right; None for all else."""
        answered = _STATUS_LINE.match(self.answer)
        status = self.status or (int(answered[1]) if answered else 0)
        return status if 200 <= status < 300 else None

    @property
    def endpoint(self) -> str:
        """Return method and path, such as "POST /api/v1/public/enrich/bulk"; empty without a path of the API.

        The path alone where a program doesn't tell the method.
        """
        guess = "POST" if self.data else "" if self.is_code else "GET"
        method = self.method if self.method in _METHODS else guess
        try:
            path = urlsplit(self.url).path
        except ValueError:
            path = ""
        return f"{method} {without_secrets(path)}".lstrip()[:200] if path.startswith("/") else ""

    @property
    def body(self) -> str:
        """Return what is sent; empty where it comes from a file or a variable, or there is nothing."""
        body = "" if any(part.startswith("@") for part in self.data) else "&".join(self.data)
        is_later = _VALUE_LATER.search(body) and decoded(body) is None
        return "" if is_later or _CONTACTS_LATER.search(body) or is_template(body) else body

    @property
    def is_filled(self) -> bool:
        """Return whether what stands in double braces is put in when it is sent."""
        values = (self.url, *(value for _, value in self.headers))
        return self.is_code or self.is_file or any(_FILLED.search(value) for value in values)

    @property
    def says_json(self) -> bool:
        """Return whether a header says that the body is JSON."""
        return any(name.lower() == "content-type" and "json" in value.lower() for name, value in self.headers)


def without_secrets(path: str) -> str:
    """Return a path, which goes into an address, without what is neither a word, an ID nor short: it may be a key."""
    return "/".join(
        part if _is_harmless(part) else "{…}" if _VARIABLE.search(part) else "…" for part in path.split("/")
    )


def _is_harmless(part: str) -> bool:
    if len(part) <= _MOST_OF_PART or MARKED.search(part) or OTHER_ID.fullmatch(part):
        return True
    words = part.strip("${}<>:%*")
    return WORDS.fullmatch(words) is not None and max(map(len, re.split(r"[_.=-]", words))) <= _MOST_OF_WORD


def decoded(text: str) -> object:
    """Return what ``text`` is as JSON; None where it is none."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None


def is_template(text: str) -> bool:
    """Return whether it is no JSON, because something is put in before it's sent."""
    return bool(_TEMPLATE.search(text)) and decoded(text) is None


def is_bulk_body(body: object) -> bool:
    """Return whether a decoded body starts a bulk enrichment."""
    if isinstance(body, list):
        return bool(body) and isinstance(body[0], dict) and bool({"linkedin_url", "first_name"} & body[0].keys())
    return isinstance(body, dict) and "contacts" in body and "workflow_id" not in body


def split_answer(text: str) -> tuple[str, str]:
    """Return the command at the beginning of ``text``, and the last response or failure that is shown below it."""
    shown = _SHOWN.search(text)
    if shown is None:
        return text, ""
    command, rest = text[: shown.start()], text[shown.start() :]
    statuses = list(_STATUS_LINE.finditer(rest))
    failure = _FAILURE.search(rest, statuses[-1].end() if statuses else 0)
    if failure and not (statuses and int(statuses[-1][1]) >= 400):
        return command, rest[failure.start() :].strip()
    if not statuses:
        return command, rest.strip()
    lines = rest[statuses[-1].start() :].splitlines()
    if not lines[0].startswith("<"):
        return command, "\n".join(lines).strip()
    fields = [line[1:].strip() for line in lines if line.startswith("<")]
    body = [line for line in lines if not line.startswith("<") and not _NOISE.match(line)]
    return command, "\n".join([*filter(None, fields), "", *body]).strip()


def parse_raw_request(text: str) -> PastedRequest | None:
    """Return the first request on the wire in ``text``, with the response below it; None where there is none.

    ``curl -v`` and developer tools show requests in the same form.
    """
    found = _REQUEST_LINE.search(text)
    if found is None:
        return _logged(text)
    request = PastedRequest(found[1], found[2] or found[3], is_file=True)
    is_marked = found[0].startswith(">")
    lines = text[found.end() :].lstrip("\r\n").splitlines()
    count = _read_headers(request, lines, is_marked=is_marked)
    if found[3] and not request.headers and not IN_URL.search(found[3]):
        return _logged(text)  # a line of a log, or of docs
    rest = "\n".join(lines[count:])
    answer = _STATUS_LINE.search(rest)
    if answer:
        request.status = int(answer[1])
        request.answer = rest[answer.end() :].rpartition("\n<")[2].partition("\n")[2].strip() or rest[answer.end() :]
    body = rest[: answer.start()].strip() if answer else rest.strip()
    if body.startswith(("{", "[")):
        behind = _BEHIND_BODY.search(body)
        request.data = [body[: behind.start()].strip() if behind else body]
    return request


def _read_headers(request: PastedRequest, lines: list[str], *, is_marked: bool) -> int:
    """Add the headers that ``lines`` begin with, and return how many lines they and what is between them take."""
    is_section = False
    for at, line in enumerate(lines):
        header = _LINE.match(line) if not is_marked or line.startswith(">") else None
        if header and not is_section:
            request.headers.append((header[1], header[2].strip()))
        elif not is_marked and _BETWEEN.fullmatch(line.strip()):
            is_section = is_section or line.lstrip().startswith("[")
        elif header is None:
            return at
    return len(lines)


def _logged(text: str) -> PastedRequest | None:
    """Return the last request that a client's log tells of if it succeeded; None where there is none."""
    found = [(each[1], each[2], each[3]) for each in _LOGGED.finditer(text)]
    found += [(each[2], f"{each[1]}{each[3]}", each[4]) for each in _LOGGED_PATH.finditer(text)]
    if not found or any(int(status) >= 400 for _, _, status in found):
        return None
    method, url, status = found[-1]
    return PastedRequest(method, url, is_whole=False, is_code=True, status=int(status))
