"""Finds where a program makes its requests: each call with its address, and what else in the program belongs to it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from troubleshooting.pasted.code_tokens import Token, bracket_around
from troubleshooting.pasted.endpoints import is_elsewhere

URL = re.compile(r"https?://[^\s\"'`<>\\)]+|(?<=[\"'`])/api/v\d/[^\s\"'`<>\\)]*")
_IS_HOST = re.compile(r"https?://[^/]*/?")
_PATH = re.compile(r"/api/v\d/\S*")
_MOST_CALLS, _DEEPEST, _LONGEST_CHAIN, _MOST_USES, _MOST_NAMES = 30, 12, 60, 20, 4
_OPEN, _CLOSE = {"(", "[", "{"}, {")", "]", "}"}
# What only makes an address of a text.
_WRAPPERS = {
    "uri", "url", "parse", "create", "fromstring", "from", "string", "urljoin", "join", "format", "concat", "sprintf",
    "parse_url", "str", "quote", "encodeuri", "to_uri", "tohttpurl", "get_url",
}  # fmt: skip
_NO_HEADERS = {"params", "json", "data", "timeout", "verify", "allow_redirects", "stream"}  # arguments of requests
_SENDING, _HOLDS_FETCH = {"get", "post", "put", "patch", "delete"}, {"", "window", "globalThis", "UrlFetchApp"}
# What may give a header to a call that has none among its arguments; the second one, also elsewhere.
ADDS_HEADERS = re.compile(
    r"(?i)session|Request\(|client|intercept|install|opener|adapter|patch|mock|defaults|\*\*|\.\.\.|fetch\s{0,9}=|\bauth\s{0,9}="
)
MAY_ADD_HEADERS = re.compile(
    ADDS_HEADERS.pattern + r"|header|(?<!un)auth|bearer|token|key|cookie|credential|secret|config|env\b|setup|worker|"
    r"fixture|stub|nock|error|exception|time|cors|refused|ssl|certificate|from\s{0,9}['\"][./@~]|\b(?!401\b)[1-5]\d\d\b"
)
_KEY_PARAMETERS = {"api_key", "apikey", "api-key", "key", "token", "access_token"}
_PARAMETERS = {"params", "searchparams", "query", "qs"}
_OF_BODY = {"webhook_url", "linkedin_url", "website", "company_website"}  # names of what is no address of a request
_CHAINED = {".", "->", "::", ":", "|>", "?", "!", "new"}
_BEFORE_BLOCK = {")", "=>", "else", "try", "do", "finally", ";", "{", "}"}


class Nesting:
    """Which bracket each token is in, and where each bracket ends."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.around: list[int | None] = []
        self.other: dict[int, int] = {}
        stack: list[int] = []
        for at, token in enumerate(tokens):
            is_sign = token.kind == "sign"
            if is_sign and token.text in _CLOSE and stack:
                opening = stack.pop()
                self.other[opening], self.other[at] = at, opening
            self.around.append(stack[-1] if stack else None)
            if is_sign and token.text in _OPEN:
                stack.append(at)
        self.other |= dict.fromkeys(stack, len(tokens) - 1)


@dataclass
class Call:
    """A request that a program makes: its address, the tokens of the call, and the names that stand for it."""

    url: str
    at: int
    start: int
    end: int
    callee: int | None = None
    names: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)

    def holds(self, at: int) -> bool:
        """Return whether a token belongs to the call."""
        return self.start <= at <= self.end


class Program:
    """A program's tokens, and its calls: one for each call with an address that is written there."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens, self.nesting = tokens, Nesting(tokens)
        found = list(self._found())
        used = [each for each in found if each.callee is not None]
        used = [each for each in used if not _IS_HOST.fullmatch(each.url)] or used  # which is of all calls
        ours = [each for each in used if not is_elsewhere(each.url)]
        self.calls: list[Call] = []
        for call in ours or used or [each for each in found if not is_elsewhere(each.url)] or found:
            if not any(each.holds(call.at) for each in self.calls):
                self.calls.append(call)
        for call in self.calls:
            call.used = self._names_in(call)
        others = (each for each in found if is_elsewhere(each.url))
        self.others = [each for each in others if ours and not any(call.holds(each.at) for call in ours)]
        for call in self.others:
            call.used = self._names_in(call)

    def is_bare(self, call: Call) -> bool:
        """Return whether a call, which is the only one, sends no header: it gets none, and its function adds none."""
        callee = call.callee
        if callee is None or len(self.calls) != 1 or self.others or not self._is_only_sender(callee):
            return False
        tokens, opening = self.tokens, callee + 1
        first, closing = opening + 1, self.nesting.other.get(opening, callee)
        first += tokens[first].text == "f"
        if first != call.at and tokens[first].text not in call.names:
            return False
        commas = (at for at in range(first, closing) if self.nesting.around[at] == opening and tokens[at].text == ",")
        named = [tokens[at + 1].text in _NO_HEADERS and tokens[at + 2].text == "=" for at in commas if at + 1 < closing]
        return all(named) and (bool(named) or tokens[first + 1].text in {")", ","})

    def _is_only_sender(self, callee: int) -> bool:
        """Return whether ``fetch`` or a function of requests is called at ``callee``, and nowhere else."""
        tokens, name = self.tokens, self.tokens[callee].text
        holder = tokens[callee - 2].text if callee > 1 and tokens[callee - 1].text == "." else ""
        if not (name in _SENDING if holder in {"requests", "httpx"} else name == "fetch" and holder in _HOLDS_FETCH):
            return False
        sender, sign = (holder, ".") if name in _SENDING else ("fetch", "(")
        return sum(tokens[at].text == sender and tokens[at + 1].text == sign for at in range(len(tokens) - 1)) == 1

    def _names_in(self, call: Call) -> set[str]:
        return {token.text for token in self.tokens[call.start : call.end + 1] if token.kind == "name"}

    def _found(self) -> Iterator[Call]:
        places = (at for at, token in enumerate(self.tokens) if token.kind == "str" and _url_in(token))
        literals = [at for at in places if at < 2 or self.tokens[at - 2].text not in _OF_BODY]
        for at in literals[:_MOST_CALLS]:
            call = self._call_around(at)
            if call.callee is None and call.names:  # a variable, and the call that it is used in
                used = (index for index in range(call.end + 1, len(self.tokens)) if self._is_used(index, call.names))
                calls = (self._call_around(index) for index in islice(used, _MOST_USES))
                uses = {each.start: each for each in calls if each.callee is not None}
                use = next(iter(uses.values())) if len(uses) == 1 else None  # of several none is known to be the one
                call = Call(call.url, at, use.start, use.end, use.callee, use.names | call.names) if use else call
            yield call

    def _is_used(self, at: int, names: set[str]) -> bool:
        """Return whether an address is used as it is at ``at``."""
        is_changed = self.tokens[at + 1 : at + 2] and self.tokens[at + 1].text in {".", "+", "%"}
        return self.tokens[at].kind == "name" and self.tokens[at].text in names and not is_changed

    def _call_around(self, at: int) -> Call:
        """Return the call that has the literal at ``at`` among its arguments; only the literal where none has."""
        tokens, outer, callee = self.tokens, None, None
        opening = self.nesting.around[at]
        for _ in range(_DEEPEST):
            if opening is None or self._is_block(opening):
                break
            outer = opening
            before = opening - 2 if opening > 1 and tokens[opening - 1].text == "!" else opening - 1  # as Elixir has it
            name = tokens[before] if opening else None
            is_call = tokens[opening].text == "(" and name is not None and name.kind == "name"
            is_builder = opening > 1 and tokens[opening - 2].text == "." and opening == self.nesting.around[at]
            if is_call and name and (name.text.lower() not in _WRAPPERS or self._is_method(before, is_builder)):
                callee = before
                break
            opening = self.nesting.around[opening]
        start = at if outer is None else self._chain_start(outer)
        end = at if outer is None else self._chain_end(self.nesting.other[outer])
        return Call(_url_in(tokens[at]), at, start, end, callee, self._names_before(start))

    def _is_method(self, at: int, is_builder: bool) -> bool:
        """Return whether ``url`` or ``uri`` is a method of a builder, which has others in the same chain."""
        return self.tokens[at].text in {"url", "uri"} and (is_builder or self.tokens[at - 1].text == ".")

    def _is_block(self, opening: int) -> bool:
        return self.tokens[opening].text == "{" and opening > 0 and self.tokens[opening - 1].text in _BEFORE_BLOCK

    def _chain_start(self, opening: int) -> int:
        tokens, at = self.tokens, opening
        for _ in range(_LONGEST_CHAIN):
            if at == 0:
                break
            before, here = tokens[at - 1], tokens[at]
            is_name = before.kind == "name" and here.kind == "sign" and here.text in _OPEN | _CHAINED
            if is_name or (before.text in _CHAINED and (here.kind == "name" or here.text == before.text)):
                at -= 1
            elif before.text in _CLOSE and here.text in {".", "->", "|>", "?", "!"} and before.kind == "sign":
                at = self.nesting.other.get(at - 1, at - 1)
            else:
                break
        return at

    def _chain_end(self, closing: int) -> int:
        tokens, at = self.tokens, closing
        for _ in range(_LONGEST_CHAIN):
            if at + 1 >= len(tokens):
                break
            here, behind = tokens[at], tokens[at + 1]
            is_block = behind.text == "{" and here.text == ")"
            is_name = behind.kind == "name" and here.text in _CHAINED
            if is_name or (behind.kind == "sign" and behind.text in _CHAINED - {":"}):
                at += 1
            elif behind.kind == "sign" and behind.text in _OPEN and (here.kind == "name" or is_block):
                at = self.nesting.other.get(at + 1, at + 1)
            else:
                break
        return at

    def _names_before(self, start: int) -> set[str]:
        """Return the names that what begins at ``start`` is assigned to."""
        at = start - 2
        names: set[str] = set()
        if at < 0 or self.tokens[start - 1].text not in {"=", ":="}:
            return names
        while at >= 0 and len(names) < _MOST_NAMES and self.tokens[at].kind == "name":
            names.add(self.tokens[at].text)
            at -= 2 if self.tokens[at - 1].text in {",", ":"} else at + 1
        return names

    def owners_of(self, at: int) -> list[Call]:
        """Return the calls, of all services, that a token outside of them belongs to by the names beside it."""
        names = self.names_of(at)
        calls = [*self.calls, *self.others]
        owning = [call for call in calls if names & (call.names | call.used)]
        is_statement = bool(owning) and all(names & call.names for call in owning)
        before = [call for call in owning if call.start < at]
        return [max(before, key=lambda call: call.start)] if is_statement and before else owning

    def names_of(self, at: int) -> set[str]:
        """Return what a header or option is set on: the variable of its object, or the receiver of the call."""
        opening, tokens = self.nesting.around[at], self.tokens
        for _ in range(_DEEPEST):
            if opening is None or self._is_block(opening):
                break
            start = self._chain_start(opening)
            named = self._names_before(start)
            if named:
                return named
            if tokens[opening].text == "(" and start < opening:
                arguments = [tokens[start].text, *(token.text for token in tokens[opening + 1 : opening + 2])]
                return {name for name in arguments if name.lower() not in {"curl_setopt", "headers"}}
            if tokens[opening].text == "[" and start < opening:
                return {tokens[start].text}
            opening = self.nesting.around[opening]
        return set()


def _url_in(token: Token) -> str:
    found = URL.search(token.text)
    if found:
        return found[0].rstrip(";,")
    return token.text if _PATH.fullmatch(token.text) else ""


def key_parameters(tokens: Sequence[Token], call: Call) -> Iterator[str]:
    """Yield keys that a call gets as parameters of its address."""
    places = (at for at in range(call.start + 4, call.end) if tokens[at].text.startswith("[key-removed:cl"))
    for at in places:
        opening = bracket_around(tokens, at)
        is_named = tokens[at - 2].text.lower() in _KEY_PARAMETERS and tokens[at - 1].text in {":", "="}
        if is_named and opening and tokens[opening - 2].text.lower() in _PARAMETERS:
            yield f"?{tokens[at - 2].text}={tokens[at].text}"
