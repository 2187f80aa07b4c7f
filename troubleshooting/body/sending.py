"""Finds in a program that its body is sent in a way that the API can't read, whatever is in it."""

import re
from itertools import islice

from troubleshooting.topic import HeaderMistake

CONTENT_TYPE = "content_type"
BODY_MISTAKES = (
    HeaderMistake(
        "headers_as_body",
        "The headers are sent as the body",
        "The second argument of axios.post is the body, so this request has no Authorization header.",
        "Put the body second and the options third: axios.post(url, body, {headers: …}).",
    ),
    HeaderMistake(
        "object_body",
        "The body isn't converted to JSON",
        "fetch turns an object into the text [object Object].",
        "Write body: JSON.stringify(…).",
    ),
    HeaderMistake(
        "dumped_twice",
        "The body is converted to JSON twice",
        "Cleanlist receives a JSON string instead of an object. In requests, json= converts what it gets.",
        "Convert it once: json=body without json.dumps in Python, one JSON.stringify in JavaScript.",
    ),
    HeaderMistake(
        "nested_form",
        "The body is sent as a form",
        "data= with a dict makes a form, in which lists and objects get lost.",
        "Pass it with json= instead of data=.",
    ),
    HeaderMistake(
        "form_body",
        "The body is sent as a form",
        "A form has no lists or objects, whatever its Content-Type says, so Cleanlist can't read the contacts.",
        "Send JSON: in Guzzle 'json' in place of 'form_params', json_encode($body) in PHP, body.to_json in Ruby, "
        "ConvertTo-Json -Depth 5 in PowerShell, JsonContent.Create(body) in C#.",
    ),
    HeaderMistake(
        CONTENT_TYPE,
        "The request doesn't say that its body is JSON",
        "Without the header Content-Type, the body is sent as text or as a form, and Cleanlist returns 422.",
        "Add the header Content-Type: application/json, or use the option for JSON that most clients have; in C#, "
        'new StringContent(json, Encoding.UTF8, "application/json").',
    ),
)
_WAYS = tuple(
    (name, re.compile(words))
    for name, words in (
        (
            "headers_as_body",
            (
                r"\baxios\.(?:post|put|patch)\(\s{0,9}(?:[^,(){};]|\$\{[^{}]{0,60}\}){1,200},\s{0,9}\{\s{0,9}"
                r"(?:method\s{0,9}:\s{0,9}['\"]\w{1,9}['\"],\s{0,9})?['\"]?headers['\"]?\s{0,9}[:}]"
            ),
        ),
        ("object_body", r"(?<![.\w$])fetch\((?:(?!stringify)[^;]){0,200}?\bbody\s{0,9}:\s{0,9}\{"),
        ("dumped_twice", r"\bjson\s{0,9}=\s{0,9}json\.dumps\(|\bJSON\.stringify\(\s{0,9}JSON\.stringify\("),
        ("swapped", r"\(\s{0,9}\"Authorization\"\s{0,9},\s{0,9}forHTTPHeaderField:\s{0,9}\"Bearer"),
        ("no_cors", r"(?<![.\w$])fetch\((?:(?!fetch\()[^;]){1,300}?\bmode['\"]?\s{0,9}:\s{0,9}['\"]no-cors['\"]"),
        (
            "header_option",
            (
                r"(?:(?<![.\w$])|\bUrlFetchApp\.)fetch\((?:(?!fetch\(|\bheaders\b)[^;]){1,300}?"
                r"\bheader['\"]?\s{0,9}:\s{0,9}\{"
            ),
        ),
        (
            "headers_unsent",
            (
                r"\baxios\.(?:get|delete|head)\(\s{0,9}(?:[^,(){};]|\$\{[^{}]{0,60}\}){1,200},\s{0,9}"
                r"(?:\{(?:(?!headers)[^{}]|\{[^{}]{0,100}\}){0,200}\}|null|undefined),\s{0,9}\{\s{0,9}['\"]?headers['\"]?\s{0,9}[:}]"
            ),
        ),
        (
            "headers_unnamed",
            (
                r"\b(?:requests|session)\.(?:get|post)\(\s{0,9}[^,(){};]{1,200},\s{0,9}"
                r"(?:headers\s{0,9}[,)]|\{\s{0,9}['\"]Authorization['\"]\s{0,9}:)"
            ),
        ),
        (
            CONTENT_TYPE,
            (
                r"\A(?![\s\S]{0,9000}Content-?Type)[\s\S]{0,9000}?"
                r"\bnew StringContent\(\s{0,9}[\w.]{1,80}(?:\([\w., ]{0,80}\))?\s{0,9}\)"
            ),
        ),
    )
)
# What is in front of the fields of a form, or of the name of what holds them.
_FORMS = tuple(
    (name, re.compile(words))
    for name, words in (
        (
            "nested_form",
            r"\b(?:requests|httpx|session|client)\.(?:post|put|request)\((?:(?!\.post\()[^;]){0,400}?\bdata\s{0,9}=\s{0,9}",
        ),
        ("form_body", r"['\"]form_params['\"]\s{0,9}=>\s{0,9}"),
        ("form_body", r"\bhttp_build_query\(\s{0,9}"),
        ("form_body", r"\bHTTParty\.(?:post|put)\([^;]{0,400}?\bbody(?::|\s=>)\s{0,9}"),
        ("form_body", r"(?:\bnew FormUrlEncodedContent|\.set_form_data)\(\s{0,9}"),
        ("form_body", r"(?:\bnew FormUrlEncodedContent|\.set_form_data)(?=\()"),
        ("form_body", r"(?i)\s-Body\s{1,9}(?!\()"),
    )
)
_FIELDS = re.compile(r"(?:@|\[ordered\]@|dict|array|new \w{1,30}(?:<[\w, ]{1,60}>)?(?:\(\))?\s{0,9})?[{(\[]")
_NAME = re.compile(r"(?<![\w$@])([$@]?[A-Za-z_]\w{0,60})\s{0,9}(?:[,)\]\n`;|}]|-[A-Z]|\Z)")
_SETS = re.compile(r"(?<![\w$.-])([$@]?[A-Za-z_]\w{0,60})(?:: ?[\w\[\], ]{1,40})?\s{0,9}=(?![=>])\s{0,9}")
_OPEN, _CLOSE, _MOST_OF_FIELDS, _MOST_CALLS = "{[(", "}])", 5000, 5
_CONVERTED = re.compile(r"\s{0,9}(?:\.to_json|\.toJson|\|\s{0,9}ConvertTo-Json|\.\w{0,9}json)", re.IGNORECASE)
_CONTACTS = re.compile(r"\b(?:contacts|enrichment_type)\b['\"]?\s{0,9}(?:[:=,]|=>)")


def _find_form(program: str) -> str:
    """Return the name of the mistake of a program that sends contacts as the fields of a form; empty for others."""
    for name, pattern in _FORMS:
        for found in islice(pattern.finditer(program), _MOST_CALLS):
            is_elsewhere = "://" in found[0] and "cleanlist" not in found[0]
            if not is_elsewhere and (_are_fields(program, found.end()) or _is_of_fields(program, found.end())):
                return name
    return ""


def _is_of_fields(program: str, at: int) -> bool:
    """Return whether a variable stands at ``at`` that is set once, to fields."""
    found = _NAME.match(program, at)
    if found is None:
        return False
    places = list(islice((place.end() for place in _SETS.finditer(program) if place[1] == found[1]), 2))
    return len(places) == 1 and _are_fields(program, places[0])


def _are_fields(program: str, at: int) -> bool:
    """Return whether fields with contacts are written at ``at``, and not converted to JSON behind their end."""
    found = _FIELDS.match(program, at)
    if found is None:
        return False
    depth, end = 1, found.end()
    for end in range(found.end(), min(len(program), found.end() + _MOST_OF_FIELDS)):
        depth += (program[end] in _OPEN) - (program[end] in _CLOSE)
        if depth == 0:
            break
    is_whole = depth == 0 and not _CONVERTED.match(program, end + 1)
    return is_whole and bool(_CONTACTS.search(program, found.end(), end))


def find_wrong_sending(program: str, *, is_untyped: bool) -> tuple[str, ...]:
    """Return the names of what is wrong with how a program sends its body, or that it is JSON if ``is_untyped``."""
    found = tuple(name for name, pattern in _WAYS if pattern.search(program))
    found += tuple(filter(None, [_find_form(program)]))
    return found or ((CONTENT_TYPE,) if is_untyped else ())
