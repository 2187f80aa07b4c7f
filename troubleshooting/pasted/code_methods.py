"""How a program makes a call: its method, whether it uses basic auth, and whether it sends a body as text."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from troubleshooting.pasted.code_calls import Call, Program
from troubleshooting.pasted.code_tokens import Token, bracket_around, is_pair

_VERBS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"}
_VERB_CALL = re.compile(
    r"(get|post|put|patch|delete|head)"
    r"(?:async|asjsonasync|fromjsonasync|stringasync|bytearrayasync|url|forobject|forentity|_?json|_async)?",
    re.IGNORECASE,
)
_VERB_CLASS = re.compile(r"Http(Get|Post|Put|Patch|Delete)")
_NAMED_VERB = re.compile(r"Method(Get|Post|Put|Patch|Delete)")
# What has a method of this name that sends nothing.
_NO_CLIENTS = {
    "app",
    "router",
    "server",
    "cache",
    "config",
    "environ",
    "env",
    "map",
    "redis",
    "nock",
    "cy",
    "localstorage",
}
_METHOD_HOLDERS = {"httpmethod", "method", "httpmethods", "methodtype", "verb", "http"}
_BUILDERS = {"url", "uri", "newbuilder", "target"}
_SETTERS = {"setrequestmethod", "curlopt_customrequest", "req_method", "setmethod", "httpmethod"}
_POSTS = {
    "CURLOPT_POST", "CURLOPT_POSTFIELDS", "req_body_json", "req_body_raw", "req_body_json_modify", "req_body_file",
}  # fmt: skip
_INVOKES = {"invoke-restmethod", "invoke-webrequest", "irm", "iwr"}
# In the name of what sends its argument, or writes it as JSON.
_SENDS = re.compile(
    r"post|request|send|fetch|json|body|string|dump|encode|dict|map|array|hash|serialize|^(?:if|return|print)",
    re.IGNORECASE,
)
_MOST_OPTIONS, _DEEPEST = 20, 12
_MAKERS = {
    "openconnection", "curl_init", "urlrequest", "fetch", "createobject", "invoke-restmethod", "invoke-webrequest",
    "httprequestmessage", "newrequest",
}  # fmt: skip
_SIGNS = {":", "=", "=>", ",", "(", "->"}
_SPREAD = {"..", "**"}
BASIC_CALLS = {
    "basic_auth", "basicauth", "setbasicauth", "set_basic_auth", "httpbasicauth", "withbasicauth", "curlopt_userpwd",
    "authenticate_basic", "networkcredential", "req_auth_basic", "authorization_basic", "setbasicauthentication",
    "basicauthentication", "httpbasicauthentication", "auth_basic", "basic-auth",
}  # fmt: skip


_BASIC_WORDS = {"auth", "basic", "authenticate", "authorization", "authentication"}

# How programs send a text as the body without saying what it is: each of these words is in such a program.
_SENDS_TEXT = tuple(
    tuple(re.compile(words) for words in pair)
    for pair in (
        (r"\b(?:requests|httpx|session|client)\.(?:post|put|request)\(", r"[(,]\s*(?:data|content)\s*="),
        (r"\burllib\.request\b|\bRequest\(", r"[(,]\s*data\s*="),
        (r"\bHTTPS?Connection\(", r"\.request\(\s*[\"']POST"),
        (r"(?<![.\w])fetch\(", r"\bbody\s*[:,]"),
        (r"\baxios\b", r"\bJSON\.stringify\("),
        (r"\bhttps?\.request\(", r"\.(?:write|end)\(\s*[\w'\"`]"),
        (r"\bXMLHttpRequest\b", r"\.send\(\s*[\w'\"`]"),
        (r"\bUrlFetchApp\.fetch\(", r"\bpayload['\"]?\s*[:,]"),
        (r"\bhttp\.NewRequest", r"\bMethodPost\b|\"POST\""),
        (r"\bHttpRequest\.newBuilder\(", r"\bBodyPublishers\."),
        (r"\bHttpClient\b", r"\bnew StringContent\("),
        (r"\bcurl_init\(", r"\bCURLOPT_POSTFIELDS\b"),
        (r"(?i)\bInvoke-(?:RestMethod|WebRequest)\b", r"(?i)\s-Body\b|\bBody\s*="),
        (r"\bNet::HTTP::Post\b", r"\.body\s*="),
        (r"\breqwest\b", r"\.body\("),
        (r"\bURLRequest\(", r"\.httpBody\s*="),
    )
)
_POST = re.compile(r"(?i)post")
_SAYS_TYPE = re.compile(r"(?i)content.?type|application/|[(,]\s*json\s*=|\.json\(\s*[^\s)]|MediaType")
_HEADERS_ELSEWHERE = re.compile(
    r"(?i)\bheaders\b['\"]?\s*(?:[:=]\s*(?!\s|new\b|dict\b|array\b|headers\b|map)[\w$]|[,})])|\.\.\.|\*\*"
)
_HEADERS_HERE = re.compile(r"(?i)\bheaders['\"]?\s*(?::\s*\w+\s*)?[:=]\s*(?:new\s+)?\w*\(?[@$%]?[{\[(]")


def find_method(program: Program, call: Call) -> str:
    """Return the method of a call; empty where the program works it out, or says nothing of it."""
    readers = (_of_callee, _of_arguments, _of_statements, _of_chain, _of_default)
    return next((method for each in readers if (method := each(program, call))), "")


def _verb(text: str) -> str:
    return text.upper() if text.upper() in _VERBS else ""


def _of_callee(program: Program, call: Call) -> str:
    tokens, callee = program.tokens, call.callee
    if callee is None:
        return ""
    first = next((token.text.lower() for token in tokens[call.start : callee]), "")
    if first in _NO_CLIENTS:
        return ""
    name, before = tokens[callee].text, tokens[max(0, callee - 2)].text
    if name == "new":
        name = before if tokens[callee - 1].text in {".", ":", "->"} else tokens[max(0, callee - 3)].text
        name = name if name[:1].isupper() else ""
    found = _VERB_CALL.fullmatch(name.rstrip("!")) or _VERB_CLASS.fullmatch(name)
    return found[1].upper() if found else ""


def verb_of_call(name: str) -> str:
    """Return the method that a function of this name sends, such as GetAsync; empty for other names."""
    found = _VERB_CALL.fullmatch(name)
    return found[1].upper() if found else ""


def _of_arguments(program: Program, call: Call) -> str:
    """Read ``request("PUT", url)``, ``HttpMethod.Put``, and ``method: "PUT"`` inside of a call."""
    tokens = program.tokens
    if call.at >= 2 and tokens[call.at - 1].text in {",", "=>"} and (verb := _verb(tokens[call.at - 2].text)):
        return verb  # also without brackets
    if call.callee is None and call.start == call.end:
        return ""
    found = set(_verbs_in(tokens, call.start, call.end, call.callee))
    return found.pop() if len(found) == 1 else ""


def _verbs_in(tokens: Sequence[Token], start: int, end: int, callee: int | None) -> Iterator[str]:
    for at in range(start, end + 1):
        token, before = tokens[at], tokens[at - 1].text if at else ""
        if token.kind == "str" and before in {"(", ","} and token.text.isupper() and callee is not None:
            if (verb := _verb(token.text)) and (at < callee + 6):
                yield verb
        elif token.kind == "name" and (named := _NAMED_VERB.fullmatch(token.text)):
            yield named[1].upper()
        elif token.kind == "name" and before == "http" and _verb(token.text):  # a command of Nushell
            yield _verb(token.text)
        elif token.kind == "name" and before in {".", ":"} and _verb(token.text) and at > 1:
            holder = tokens[at - 2] if before == "." or tokens[at - 2].text != ":" else tokens[max(0, at - 3)]
            if holder.text.lower() in _METHOD_HOLDERS or (before == "." and _is_option(tokens, at - 3)):
                yield _verb(token.text)
        elif _is_option(tokens, at) and (verb := _verb(tokens[at + 2].text)) and tokens[at + 2].kind == "str":
            yield verb


def _is_option(tokens: Sequence[Token], at: int) -> bool:
    """Return whether an option ``method`` with its value stands at ``at``; jQuery calls it ``type``."""
    if not 0 <= at < len(tokens) - 2 or tokens[at + 1].text not in {":", "=", "=>"}:
        return False
    is_type = tokens[at].text == "type" and tokens[at + 2].kind == "str" and tokens[at + 2].text in _VERBS
    return is_type or tokens[at].text.lower() == "method"


def _of_statements(program: Program, call: Call) -> str:
    """Read what is set before or after the call, such as ``setRequestMethod("PUT")``."""
    tokens = program.tokens
    start, end = _reach(program, call)
    several = has_several(tokens[start:end])
    found, posts = set(), False
    for at in range(start, min(end, len(tokens))):
        token, name = tokens[at], tokens[at].text.lower()
        if name in {"method", "type"} and _is_option(tokens, at):
            found.add(_verb_behind(tokens, at + 1) if _is_of(program, call, at) else "")
            continue
        if several:  # which of them it is set on isn't known
            continue
        posts |= token.text in _POSTS
        is_powershell = name == "method" and at > 0 and tokens[at - 1].text == "-"
        if is_powershell and at + 1 < len(tokens):
            found.add(_verb(tokens[at + 1].text))
        elif name in _SETTERS and not _is_of_another(tokens, at, call) and at + 2 < len(tokens):
            found.add(_verb_behind(tokens, at + 1))
    found.discard("")
    if found:
        return found.pop() if len(found) == 1 else ""
    return "POST" if posts else ""


def _is_of_another(tokens: Sequence[Token], at: int, call: Call) -> bool:
    """Return whether ``httpMethod`` is set on another variable than that of the call."""
    is_field = tokens[at].text == "httpMethod" and at > 1 and tokens[at - 1].text == "."
    return is_field and bool(call.names) and tokens[at - 2].text not in call.names


def has_several(tokens: Sequence[Token]) -> bool:
    """Return whether a program makes several requests, by the functions that it makes them with."""
    return sum(token.text.lower() in _MAKERS for token in tokens) > 1


def _is_of(program: Program, call: Call, at: int) -> bool:
    """Return whether an option outside of a call may be of that: not an argument of another, or of an unused object."""
    opening = program.nesting.around[at]
    for _ in range(_DEEPEST):
        if opening is None:
            break
        is_call = program.tokens[opening].text == "(" and program.tokens[opening - 1].kind == "name"
        if opening > 0 and is_call and not opening < call.at < program.nesting.other[opening]:
            return False
        opening = program.nesting.around[opening]
    names = program.names_of(at)
    return not names or bool(names & (call.names | call.used))


def _verb_behind(tokens: Sequence[Token], at: int) -> str:
    for token in tokens[at : at + 5]:
        if verb := _verb(token.text):
            return verb
        if token.text not in _SIGNS | {"."} and token.text.lower() not in _METHOD_HOLDERS:
            return ""
    return ""


def _reach(program: Program, call: Call) -> tuple[int, int]:
    """Return from where to where statements belong to a call: everything, if it is the only one."""
    starts = sorted(each.start for each in (*program.calls, *program.others))
    if len(starts) < 2:
        return 0, len(program.tokens)
    following = [start for start in starts if start > call.start]
    options = islice((at for at in range(call.start) if _is_option(program.tokens, at)), _MOST_OPTIONS)
    own = next((at for at in options if call in program.owners_of(at)), call.start)  # of an object that it gets
    return own, (following[0] if following else len(program.tokens))


def _of_chain(program: Program, call: Call) -> str:
    """Read ``Request.Builder().url(…).put(…)``."""
    tokens, callee = program.tokens, call.callee
    if callee is None or tokens[callee].text.lower() not in _BUILDERS:
        return ""
    level = program.nesting.around[callee]
    chained = (
        at
        for at in range(max(1, call.start), min(call.end, len(tokens) - 2))
        if tokens[at - 1].text == "." and tokens[at + 1].text == "(" and program.nesting.around[at] == level
    )
    found = {_verb(tokens[at + 2 if tokens[at].text == "method" else at].text) for at in chained} - {""}
    return found.pop() if len(found) == 1 else ""


def _of_default(program: Program, call: Call) -> str:
    """Return GET for what sends that unless it is given another one, and is given none."""
    tokens = program.tokens
    names = {token.text.lower() for token in tokens if token.kind == "name"}
    if names & _INVOKES:
        splats = (
            any(tokens[at].text == "@" and tokens[at + 1].kind == "name" for at in range(len(tokens) - 1))
            or "method" in names
        )
        return "" if splats or len(program.calls) + len(program.others) > 1 else "GET"
    if "req_perform" in names and not any(name.startswith(("req_body", "req_method")) for name in names):
        return "GET"  # of httr2
    if call.callee is None:
        return ""
    if tokens[call.callee].text != "fetch":
        is_urllib = "urllib" in names and tokens[call.callee].text in {"Request", "urlopen"}
        return _of_urllib(program, call, names) if is_urllib else ""
    closing = program.nesting.other.get(call.callee + 1, call.end)
    inside = tokens[call.callee + 2 : closing]
    is_plain = tokens[call.callee - 1].text != "." or tokens[call.callee - 2].text in {"window", "globalThis"}
    unknown = {"method", "payload"} if is_plain or call.callee == 0 else {"method", "payload", "body"}
    if any(token.text in _SPREAD or token.text.lower() in unknown for token in inside):
        return ""
    is_object = len(inside) > 2 and inside[1].text == "," and inside[2].text == "{"
    return "GET" if len(inside) == 1 or is_object else ""


def _of_urllib(program: Program, call: Call, names: set[str]) -> str:
    tokens = program.tokens
    places = range(call.start, min(call.end, len(tokens) - 2))
    if any(tokens[at].text == "data" and tokens[at + 1].text == "=" != tokens[at + 2].text for at in places):
        return "POST"
    return "" if names & {"data", "method"} else "GET"


def find_basic(tokens: Sequence[Token]) -> Iterator[int]:
    """Yield where a program uses basic auth without writing the header itself."""
    for at, token in enumerate(tokens):
        name = token.text.lower()
        if token.kind in {"name", "str"} and name in BASIC_CALLS:
            yield at
        elif name in _BASIC_WORDS:
            behind = [each.text.lower() for each in tokens[at + 1 : at + 8]]
            before = [each.text.lower() for each in tokens[max(0, at - 3) : at]]
            if _is_basic_option(behind) if name == "auth" else _is_basic_call(name, before, behind):
                yield at


def _is_basic_option(behind: list[str]) -> bool:
    """Return whether what is behind ``auth`` is a name and a password, as clients take them."""
    sign, opening, inside = behind[:1], behind[1:2], behind[2:]
    if sign == ["("]:  # with a name and a password
        return (
            "," in behind[1:6]
            and not {"bearer", "type", "digest"} & set(behind)
            and not behind[1].startswith("bearer ")
        )
    if sign not in (["="], [":"], ["=>"]):
        return False
    if opening == ["("]:
        return "," in inside
    if opening == ["["]:
        return not {"digest", "ntlm", "bearer"} & set(inside)
    return opening == ["{"] and (bool({"username", "user"} & set(inside[:2])) or inside[:2] == [":", "basic"])


def _is_basic_call(name: str, before: list[str], behind: list[str]) -> bool:
    is_called = behind[:1] == ["("]
    if name == "basic":
        of_credentials = is_called and before[-2:] in (["credentials", "."], ["auth", "."])
        of_faraday = before[-2:] == [",", ":"] and before[-3:-2] == ["authorization"]
        return of_credentials or of_faraday or before[-2:] == ["-", "authentication"]
    if name == "authentication":
        return before[-2:] == [":", ":"] and behind[:1] in (["{"], ["("])
    is_named = is_called and behind[1:2] == ["username"]
    return is_named or (name == "authenticate" and is_called and before[-1:] in (["("], [","]))


def sends_text(text: str) -> bool:
    """Return whether a program sends a body without saying that it is JSON, and everything about that is in it."""
    if (
        not _POST.search(text)
        or _SAYS_TYPE.search(text)
        or (_HEADERS_ELSEWHERE.search(text) and not _HEADERS_HERE.search(text))
    ):
        return False
    return any(call.search(text) and body.search(text) for call, body in _SENDS_TEXT)


def is_own(tokens: Sequence[Token], url: str) -> bool:
    """Return whether the contacts are an argument of a call that sends them to no ``url`` and writes no JSON."""
    places = (at for at, token in enumerate(tokens) if token.text == "contacts" and is_pair(tokens, at))
    start = bracket_around(tokens, next(places, 0))
    if start is None or start < 2 or (url and "linkedin." not in url):
        return False
    opening = start if tokens[start].text == "(" else start - 1
    name = tokens[opening - 1]
    return tokens[opening].text == "(" and name.kind == "name" and not _SENDS.search(name.text)
