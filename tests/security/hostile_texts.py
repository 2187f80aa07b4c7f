"""Texts that make a careless pattern take time by the square of their length: one fragment, over and over.

A pattern's own fragments are derived from its parts, so that a new pattern brings its own attackers along.
"""

import re
from itertools import islice

# What the console looks for, begun and never ended.
FRAGMENTS = [
    "a+", "a", "A", "1", "0", " ", "\n", "\r\n", "\t", "-", "_", ".", ":", "/", "\\", "'", '"', "`", "\u201c", '\\"',
    "(", "[", "{", "<", "=", "?", "&", "@", "%", "*", "…", "é", "\u0301", "\u202e", "\x00", "eyJ", "eyJa.", "eyJ-",
    "a.", "a@", "a:", "f:", "1.", "a-", "a_", "+://", "://", "x://a", "http://", "https://a:", "?key=", "&token=a",
    "password", "secret", "token", "passwordtoken", "password ", "secret-", "Bearer ", "bearer\t", "Authorization: ",
    "authorization", "Authorization:\n", "Cookie: '", 'Authorization: "', "x-api-key\n", "clapi_", "-clapi_",
    "clapi_AbCd*", "gAAAAA", "__client=", "[-removed", "[key-removed", "<a", "{{", "${", "-u ", "-u '", '--user "',
    '"token":"', '"secret" ', "curl ", "curl '", "-H '", "'bearer $", "'bearer $a", "lost ", "key lost", "no results",
    "HTTP/1.1 ", "http ", "enrich-", "public_bulk_", "status ", "error\n", "linkedin.com/in/contact-0001?", "0x",
    "linkedin.com/in/a?", "127.", "xn--", "1970-01-01T", "+1 ", '{"a":', "[[", '{"contacts":[', "/status/", "invite_",
    "/unsubscribe/", "password/reset/key/a", "&#64;", "Aa1", "\ufeff=", "-1.",
]  # fmt: skip
SMALL, LARGE = 64 * 1024, 1024 * 1024
# What ends a run without being what the pattern waits for.
BREAK = "\x00\n!"
CANDIDATES = "a1A -_.:/@+='\"\\\n\u00e9\u2028é[]{}()<>?&#%*$\x00,;~|"


def hostile_text(beginning, fragment, size):
    """Return ``fragment`` repeated to ``size`` characters, behind ``beginning``."""
    return beginning + fragment * (max(0, size - len(beginning)) // len(fragment)) + BREAK


def fragments_of(pattern):
    """Return what to repeat, and what to put in front of it, to make ``pattern`` run long and fail: from its parts."""
    tree = re._parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, str) else 0)
    pairs = dict.fromkeys(_pairs(_units(tree), ""))
    return list(islice((pair for pair in pairs if pair[1]), 60))


def _pairs(units, before):
    """Yield (beginning, fragment) for up to three parts in a row, and for what is inside of them."""
    samples = [_sample(unit) for unit in units]
    for start in range(len(units)):
        beginning = before + "".join(samples[:start])
        for end in range(start + 1, min(start + 3, len(units)) + 1):
            yield "", "".join(samples[start:end])
            yield beginning, "".join(samples[start:end])
        for inner in _inner(units[start]):
            yield from _pairs(_units(inner), beginning)
    yield "", "".join(samples)


def _units(tree):
    """Return the parts of a sequence, neighbouring letters as one."""
    units, letters = [], []
    for kind, value in tree:
        if kind is re._parser.LITERAL:
            letters.append((kind, value))
            continue
        if letters:
            units.append(letters)
            letters = []
        units.append([(kind, value)])
    return [*units, letters] if letters else units


def _inner(unit):
    """Return the sequences inside of a part."""
    kind, value = unit[0]
    name = str(kind)
    if name == "BRANCH":
        return value[1]
    if name in {"SUBPATTERN", "ATOMIC_GROUP"}:
        return [value[-1] if name == "SUBPATTERN" else value]
    if name.endswith("REPEAT"):
        return [value[2]] if str(value[2][0][0]) not in {"IN", "LITERAL", "ANY", "NOT_LITERAL"} else []
    return [value[1]] if name in {"ASSERT", "ASSERT_NOT"} else []


def _sample(unit):
    return "".join(_sample_of(str(kind), value) for kind, value in unit)


def _sample_of(name, value):
    """Return a short text that this part of a pattern matches."""
    if name == "LITERAL":
        return chr(value)
    if name == "IN":
        return next((char for char in CANDIDATES if _is_in(char, value)), "")
    if name == "BRANCH":
        return max((_sample(part) for part in value[1]), key=len)
    if name in {"SUBPATTERN", "ATOMIC_GROUP"}:
        return _sample(value[-1] if name == "SUBPATTERN" else value)
    if name.endswith("REPEAT"):
        return _sample(value[2]) * min(max(value[0], 1), 40)
    return {"ANY": "a", "NOT_LITERAL": "a", "GROUPREF": "'"}.get(name, "")


def _is_in(char, members):
    """Return whether a character belongs to a set as the parser describes it."""
    negated = str(members[0][0]) == "NEGATE"
    return negated != any(_is_member(char, str(kind), value) for kind, value in members[negated:])


def _is_member(char, name, value):
    if name == "LITERAL":
        return ord(char) == value
    if name == "RANGE":
        return value[0] <= ord(char) <= value[1]
    word = str(value).removeprefix("CATEGORY_")
    kinds = {"DIGIT": char.isdigit(), "SPACE": char.isspace(), "WORD": char.isalnum() or char == "_"}
    return kinds.get(word, not kinds.get(word.removeprefix("NOT_"), True))
