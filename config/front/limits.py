"""Limits the size of requests and the time that their bodies take, and filters the headers that reach Django.

It gets none that the standard library parses slowly or that no form of ours needs.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from config.front import ClientDisconnected, Receive, RequestRefused, Scope

# Bodies up to this size are always accepted, as many as there are connections. Only pasted texts are larger.
SMALL_BODY = 64 * 1024
# The number of larger bodies at once; times the limit of each, this is the memory that strangers can occupy in a
# process.
LARGE_BODIES = 32
# The maximum number of messages for a body: the largest in pieces of 256 bytes. Each message has a cost, however small.
MAX_BODY_MESSAGES = 4096
# How much of an oversized body is read and discarded, so that the client gets to read the refusal.
DISCARDED, DISCARD_SECONDS = 8 * 1024 * 1024, 2.0
Headers = list[tuple[bytes, bytes]]

# The content types that browsers send for our forms. Everything else that is legal here (comments, quoted pairs, parts,
# other encodings) would be parsed by the email parser, in quadratic time.
_FORM = re.compile(
    rb"application/x-www-form-urlencoded(?:; ?charset=utf-8)?"
    rb"|multipart/form-data; ?boundary=([0-9a-z'()+_,./:=?-]{1,70})",
    re.IGNORECASE,
)
# The headers of each part of a form, up to 1 KiB, are parsed in the same way. Our forms with files have about ten
# fields.
PARTS = 100


def check_head(scope: Scope, limit: int) -> None:
    """Raise RequestRefused if the request line, or all headers together, are longer than ``limit`` bytes."""
    line = len(scope["method"]) + len(scope["raw_path"]) + len(scope["query_string"]) + len(" ? HTTP/1.1\r\n")
    if line > limit:
        raise RequestRefused(414, f"This URL is too long. The limit is {limit // 1024} KiB.")
    if sum(len(name) + len(value) + len(": \r\n") for name, value in scope["headers"]) > limit:
        raise RequestRefused(
            431, f"The request headers are too long. The limit is {limit // 1024} KiB. Try deleting cookies."
        )


async def discard(receive: Receive) -> None:
    """Read and discard more of the body, for a limited time."""
    left = DISCARDED
    with suppress(TimeoutError):
        async with asyncio.timeout(DISCARD_SECONDS):
            for _ in range(MAX_BODY_MESSAGES):
                message = await receive()
                left -= len(message.get("body", b""))
                if left <= 0 or not message.get("more_body", False):
                    return


class BodyReader:
    """Reads complete bodies of requests, within ``limit`` bytes and ``seconds`` each."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        self._large = asyncio.Semaphore(LARGE_BODIES)

    @asynccontextmanager
    async def body_of(self, scope: Scope, receive: Receive) -> AsyncIterator[bytes]:
        """Yield the body; a large one counts toward LARGE_BODIES until the block ends.

        Raises RequestRefused if it is too large or too slow, ClientDisconnected if it breaks off.
        """
        self._check_size(_declared_length(scope))
        async with AsyncExitStack() as slot:
            try:
                async with asyncio.timeout(self.seconds):
                    body = await self._read(receive, slot)
            except TimeoutError:
                raise RequestRefused(408, f"The request took longer than {self.seconds:g} seconds to arrive.") from None
            yield body

    async def _read(self, receive: Receive, slot: AsyncExitStack) -> bytes:
        body, is_small = bytearray(), True
        for _ in range(MAX_BODY_MESSAGES):
            message = await receive()
            if message["type"] != "http.request":
                raise ClientDisconnected
            body += message.get("body", b"")
            self._check_size(len(body))
            if is_small and len(body) > SMALL_BODY:
                is_small = False
                await self._acquire_slot(slot)
            if not message.get("more_body", False):
                return bytes(body)
        raise RequestRefused(400, f"The request arrived in too many small pieces. The limit is {MAX_BODY_MESSAGES}.")

    def _check_size(self, size: int) -> None:
        if size > self.limit:
            raise RequestRefused(413, f"The request is too large. The limit is {self.limit // 1024} KiB.")

    async def _acquire_slot(self, slot: AsyncExitStack) -> None:
        if self._large.locked():
            raise RequestRefused(503, "Too many large requests right now. Try again in 30 seconds.")
        await slot.enter_async_context(self._large)


def _declared_length(scope: Scope) -> int:
    """Return the Content-Length; 0 if it is missing, as with chunks."""
    values = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(values[0]) if values and values[0].isdigit() else 0


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
        raise RequestRefused(415, "Only forms are accepted: application/x-www-form-urlencoded or multipart/form-data.")
    if form[1] and body.count(b"--" + form[1]) > PARTS + 1:
        raise RequestRefused(400, f"The form has too many fields. The limit is {PARTS}.")
    return [(b"content-type", types[0])]
