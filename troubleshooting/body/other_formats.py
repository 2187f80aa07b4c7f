"""Recognizes bodies in other formats than JSON: YAML, XML, multipart, and what PHP and Ruby print."""

import html
import re
from collections.abc import Iterator

import yaml

from troubleshooting.body.form import WrongForm, are_contacts, as_request, loads
from troubleshooting.pasted.code_tokens import NotLiteralError, tokens_of, value_at

_MOST_YAML, _DEEPEST = 20_000, 20
_YAML = re.compile(r"^(?:contacts:|-[ \t]+(?:first_name|last_name|linkedin_url):)", re.MULTILINE)
_MULTIPLIES = re.compile(r"(?:^|[\s\[{,:-])[&*!]\w?")  # anchors, and tags
_ASSIGNED = re.compile(
    r"\A(?:(?:export|public|private|static|readonly)[ \t]+){0,3}(?:(?:const|let|var|val|final|my)[ \t]+)?"
    r"[$@]?[A-Za-z_]\w{0,60}(?:[ \t]*:[ \t]*[\w<>\[\]]{1,60})?\s{0,9}:?=(?![=>])\s{0,9}"
)
_PHP = re.compile(r"(?:<\?php\s{1,9})?(?:return\s{1,9})?(?=\[|array\s?\()")
_PRINTED = re.compile(r"(?:Array|stdClass Object)\s{1,20}\(")
_PAIR = re.compile(r"\[([^\]]{1,60})\] => (.*)")
_DUMPED = re.compile(r"(?:array|object)\([\w\\]{1,40}\)(?:#\d+ \(\d+\))? \{")
_ELEMENT = re.compile(r"<(?:\w{1,20}:)?([A-Za-z_][\w-]{0,40})(?:\s[^<>]{0,200})?>([^<>]{0,2000})</")
_CONTACT = re.compile(r"<(?:\w{1,20}:)?(?:contact|person|lead|item)\b[^<>]{0,200}>", re.IGNORECASE)
_FIELDS = re.compile(r"<(?:\w{1,20}:)?(?:first_?name|linkedin_?url|contacts?)\b", re.IGNORECASE)
_PART = re.compile(r"Content-Disposition:[ \t]*form-data;[ \t]*name=\"?([^\"\r\n;]{1,100})\"?([^\r\n]*)", re.IGNORECASE)


def assigned_value(text: str) -> str:
    """Return what is assigned in a program that only has an assignment; empty for any other text."""
    found = _ASSIGNED.match(text)
    return text[found.end() :].rstrip("; \t\r\n") if found else ""


def php_or_ruby(text: str) -> WrongForm | None:
    """Recognize an array as PHP writes it, also with var_export, and a hash of Ruby."""
    if "=>" not in text:
        return None
    start = _PHP.match(text)
    is_ruby = text.startswith(("{", "[{", "[ {"))
    if start is None and not is_ruby:
        return None
    tokens = tokens_of(text[start.end() if start and not is_ruby else 0 :].rstrip("; \t\r\n"))
    try:
        value, end = value_at(tokens, 0)
    except (NotLiteralError, RecursionError):
        return None
    repaired = as_request(value) if end == len(tokens) else ""
    if not repaired:
        return None
    if is_ruby:
        fix = "Convert it with body.to_json; most clients have an option json that does so."
        return WrongForm("ruby", "This is a Ruby hash, not JSON.", fix, repaired)
    fix = "Convert it with json_encode($body); Guzzle and Laravel do so with the option json."
    return WrongForm("php_array", "This is a PHP array, not JSON.", fix, repaired)


def printed(text: str) -> WrongForm | None:
    """Recognize what PHP's print_r and var_dump show."""
    fix = "Send what json_encode($body) returns; what PHP prints is for people only."
    if _DUMPED.match(text):
        return WrongForm("var_dump", "This is the output of PHP's var_dump, not JSON.", fix)
    if not _PRINTED.match(text):
        return None
    repaired = as_request(_from_print_r(text))
    return WrongForm("print_r", "This is the output of PHP's print_r, not JSON.", fix, repaired) if repaired else None


def _from_print_r(text: str) -> object:
    """Return the value that print_r shows, whose texts are left as they are; None where a line isn't understood."""
    whole: dict[str, object] = {}
    open_ones: list[dict[str, object]] = [whole]
    following: dict[str, object] = whole
    for line in (each.strip() for each in text.splitlines()[1:]):
        pair = _PAIR.fullmatch(line)
        if pair and pair[2] in {"Array", "stdClass Object"}:
            following = {}
            open_ones[-1][pair[1]] = following
        elif pair:
            open_ones[-1][pair[1]] = pair[2]
        elif line == "(":
            open_ones.append(following)
        elif line == ")":
            open_ones.pop()
        elif line:
            return None
        if not 0 < len(open_ones) < _DEEPEST:
            return None
    return _as_lists(whole) if len(open_ones) == 1 else None


def _as_lists(value: object) -> object:
    if not isinstance(value, dict):
        return value
    items = {name: _as_lists(each) for name, each in value.items()}
    return list(items.values()) if items and all(name.isdecimal() for name in items) else items


def in_yaml(text: str) -> WrongForm | None:
    """Recognize YAML, every value of which is read as text: a name such as No isn't false."""
    if len(text) > _MOST_YAML or not _YAML.search(text) or _MULTIPLIES.search(text):
        return None
    try:
        value = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506  # it makes nothing but texts, lists and dicts
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
    fix = "Convert it to JSON, for example with yq -o=json, or json.dumps(yaml.safe_load(text)) in Python."
    repaired = as_request(value)
    is_right = isinstance(value, list) or (isinstance(value, dict) and are_contacts(value.get("contacts")))
    return WrongForm("yaml", "This is YAML, not JSON.", fix, repaired) if repaired and is_right else None


def in_xml(text: str, names: dict[str, str]) -> WrongForm | None:
    """Recognize XML by its elements; ``names`` are the fields that other names stand for."""
    if not text.startswith("<") or not _FIELDS.search(text):
        return None
    starts = [found.start() for found in _CONTACT.finditer(text)]
    ends = [*starts[1:], len(text)] if starts else []
    contacts = [_elements(text[start:end], names) for start, end in zip(starts, ends, strict=True)]
    whole: dict[str, object] = {**_elements(text[: starts[0]] if starts else "", names)}
    known = {name: value for name, value in whole.items() if name in {"enrichment_type", "webhook_url"}}
    is_safe = "<!ENTITY" not in text and "<![" not in text and are_contacts(contacts)
    fix = "Send JSON with the header Content-Type: application/json. The API doesn't read XML."
    repaired = as_request(known | {"contacts": contacts}) if is_safe else ""
    return WrongForm("xml", "This is XML, not JSON.", fix, repaired)


def _elements(text: str, names: dict[str, str]) -> dict[str, str]:
    found = ((each[1], html.unescape(each[2]).strip()) for each in _ELEMENT.finditer(text))
    return {names.get(re.sub(r"[^a-z]", "", name.lower()), name): value for name, value in found if value}


def parts_of(text: str) -> Iterator[tuple[str, str, bool]]:
    """Yield name and value of each part of multipart form data, and whether it is a file."""
    if not text.startswith("--") and not text.lower().startswith("content-disposition:"):
        return
    found = list(_PART.finditer(text))
    ends = [following.start() for following in found[1:]]
    for part, ending in zip(found, [*ends, len(text)] if found else [], strict=True):
        rest = text[part.end() : ending]
        _, _, content = rest.replace("\r\n", "\n").partition("\n\n")
        lines = content.split("\n")
        end = next((at for at, line in enumerate(lines) if line.startswith("--")), len(lines))
        yield part[1], "\n".join(lines[:end]).strip(), "filename" in part[2].lower()


def in_multipart(text: str) -> tuple[list[tuple[str, str]], str, bool]:
    """Return the fields of multipart form data, the content of a file in it, and whether it is any."""
    parts = list(parts_of(text))
    fields = [(name, value) for name, value, is_file in parts if not is_file]
    return fields, next((value for _, value, is_file in parts if is_file), ""), bool(parts)


def request_in(fields: list[tuple[str, str]]) -> object:
    """Return the request that is JSON in one of the fields of a form; None where there is none."""
    values = {name: value for name, value in fields if name in {"enrichment_type", "webhook_url"}}
    for name, text in fields:
        value = loads(text)
        if isinstance(value, dict) and "contacts" in value:
            return value
        if name.removesuffix("[]") == "contacts" and isinstance(value, list | dict):
            return {**values, "contacts": value if isinstance(value, list) else [value]}
    return None
