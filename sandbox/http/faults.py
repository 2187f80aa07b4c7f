"""Injected faults: what proxies, networks and overloaded servers do to clients."""

import asyncio
import fnmatch
import json
import random
import threading
import zlib
from collections.abc import Callable
from typing import Literal, Self

from pydantic import Field, model_validator
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.bodies import Body, Count, Text
from sandbox.errors import ApiError, error_response

from .connections import abort_connection

CONTROL_PREFIX = "/_sandbox"
FaultKind = Literal["status", "latency", "hang", "drop", "html", "truncated", "empty", "odd"]

CODES = {
    400: "validation_error",
    401: "invalid_token",
    403: "insufficient_scope",
    404: "not_found",
    429: "rate_limited",
}
BODILESS = (204, 205, 304)
HTML = "<!doctype html><title>Bad gateway</title><h1>Bad gateway</h1><p>No answer from the server.</p>"


class Fault(Body):
    """One fault. `path` is a glob or a prefix; `times` None means until cleared.

    A `status` fault needs a status of 400 or more, and latency needs `seconds`. `after` lets the call be carried out
    first, so that only its answer is lost. `seconds` is how long latency adds and how long a hang lasts before the
    connection drops (None: until the client gives up). `odd` answers with records that have no id: always the same
    `share` of them, as a bug upstream would. A `path` that begins with `http` is for receivers of webhooks, who seem to
    answer the `status`; every other one begins with `/` or `*`.
    """

    path: Text = Field("*", max_length=500, pattern=r"^([/*]|https?:|http\*)")
    method: Text | None = Field(None, max_length=20)
    kind: FaultKind
    status: Count | None = Field(None, ge=200, le=599, json_schema_extra={"not": {"enum": list(BODILESS)}})
    retry_after: Count | None = Field(None, ge=0, le=86_400)
    seconds: float | None = Field(None, ge=0, le=3600)
    times: Count | None = Field(None, ge=1)
    probability: float = Field(1.0, ge=0, le=1)
    share: float = Field(0.02, ge=0, le=1)
    after: bool = False

    @model_validator(mode="after")
    def _can_be_answered(self) -> Self:
        if self.status in BODILESS or (self.kind == "status" and (self.status or 503) < 400):
            raise ValueError("a status fault needs a status of 400 or more; 204, 205 and 304 have no body")
        if self.kind == "latency" and self.seconds is None:
            raise ValueError("a latency fault needs seconds")
        return self

    @property
    def is_for_webhooks(self) -> bool:
        """Whether it is what a receiver of webhooks answers, who is not called then."""
        return self.path.startswith("http")

    def matches(self, method: str, path: str) -> bool:
        """Return whether this fault applies to a call."""
        if self.method is not None and self.method.upper() != method:
            return False
        return path.startswith(self.path) or fnmatch.fnmatchcase(path, self.path)


class ActiveFaults:
    """The active faults, in memory: a restart clears them."""

    def __init__(self) -> None:
        self.active: list[Fault] = []
        self.chance = random.Random()  # noqa: S311 - nothing is to be kept secret by it
        self._lock = threading.Lock()  # webhooks are sent from another thread

    def take(self, method: str, path: str) -> Fault | None:
        """Return the first fault for a call, or for a webhook by its address, and count it."""
        is_webhook = not path.startswith("/")
        with self._lock:
            for fault in self.active:
                if fault.is_for_webhooks != is_webhook or not fault.matches(method, path):
                    continue
                if self.chance.random() < fault.probability:
                    self._count_use(fault)
                    return fault
        return None

    def _count_use(self, fault: Fault) -> None:
        if fault.times is None:
            return
        fault.times -= 1
        if fault.times == 0:
            self.active.remove(fault)


class FaultMiddleware:
    """The outermost ASGI middleware: the server never sees what it answers."""

    def __init__(self, app: ASGIApp, faults: ActiveFaults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Apply the first matching fault; the control surface is exempt."""
        fault = None
        if scope["type"] == "http" and not scope["path"].startswith(CONTROL_PREFIX):
            fault = self._faults.take(scope["method"], scope["path"])
        if fault is None:
            await self._app(scope, receive, send)
        elif fault.kind == "latency":
            await asyncio.sleep(fault.seconds or 0)
            await self._app(scope, receive, send)
        elif fault.kind == "truncated":
            await self._change(scope, receive, send, lambda body: body[: len(body) // 2])
        elif fault.kind == "odd":
            await self._change(scope, receive, send, lambda body: spoil_records(body, fault.share))
        else:
            if fault.after:
                await self._app(scope, receive, _discard)
            await _apply_fault(fault, scope, receive, send)

    async def _change(self, scope: Scope, receive: Receive, send: Send, change: Callable[[bytes], bytes]) -> None:
        """Send what ``change`` makes of the real response, as a well-formed HTTP message."""
        start: Message = {}
        body = bytearray()

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                body.extend(message.get("body", b""))

        await self._app(scope, receive, collect)
        changed = change(bytes(body))
        headers = {"content-type": _content_type(start), "content-length": str(len(changed))}
        await Response(changed, start["status"], headers)(scope, receive, send)


def spoil_records(body: bytes, share: float) -> bytes:
    """Return the JSON body with that share of the listed records without an id; any other body unchanged."""
    try:
        document: object = json.loads(body)
    except ValueError:
        return body
    lists = [document] if isinstance(document, list) else document.values() if isinstance(document, dict) else []
    for record in (record for listed in lists if isinstance(listed, list) for record in listed):
        if isinstance(record, dict) and is_spoiled(str(record.get("id")), share):
            record["id"] = None
    return json.dumps(document).encode()


def is_spoiled(record_id: str, share: float) -> bool:
    """Return whether an `odd` fault spoils the record with this id."""
    return zlib.crc32(record_id.encode()) < share * 2**32


async def _apply_fault(fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
    if fault.kind == "hang":
        try:
            await _wait_for_disconnect(receive, fault.seconds)
        finally:
            # Also when the process stops: the client must not get a response.
            abort_connection(scope)
    elif fault.kind == "drop":
        abort_connection(scope)
        await _wait_for_disconnect(receive, None)
    else:
        await _fault_response(fault, scope)(scope, receive, send)


def _fault_response(fault: Fault, scope: Scope) -> Response:
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    if fault.kind == "html":
        return HTMLResponse(HTML, fault.status or 502, headers)
    if fault.kind == "empty":
        return Response(b"", fault.status or 200, headers, media_type="application/json")
    status = fault.status or 503
    code = CODES.get(status, "internal_error")
    problem = f"The sandbox answers {status} because a fault is set."
    return error_response(scope["path"], ApiError(status, code, problem, retry_after=fault.retry_after))


async def _wait_for_disconnect(receive: Receive, seconds: float | None) -> None:
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return


async def _discard(_message: Message) -> None:
    return


def _content_type(start: Message) -> str:
    for name, value in start["headers"]:
        if name == b"content-type":
            return str(value.decode("latin-1"))
    return "application/json"
