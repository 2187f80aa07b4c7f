"""Finds in a program that its body is sent in a way that the API can't read, whatever is in it."""

import re

from troubleshooting.mistakes import CONTENT_TYPE

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
                r"(?:\{\s{0,9}\}|null|undefined),\s{0,9}\{\s{0,9}['\"]?headers['\"]?\s{0,9}[:}]"
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
            "nested_form",
            r"\b(?:requests|httpx|session)\.(?:post|put|request)\([^;]{0,200}?\bdata\s{0,9}=\s{0,9}\{[^{}\[\]]{0,200}[\[{]",
        ),
    )
)


def find_wrong_sending(program: str, *, is_untyped: bool) -> tuple[str, ...]:
    """Return the names of what is wrong with how a program sends its body, or that it is JSON if ``is_untyped``."""
    found = tuple(name for name, pattern in _WAYS if pattern.search(program))
    return found or ((CONTENT_TYPE,) if is_untyped else ())
