"""A stub of Cleanlist and Clerk for benches: organizations with keys, logs, balances and webhooks, answered at once."""

import asyncio
import base64
import json
import random
import socket
import time
from collections import deque
from datetime import UTC, datetime, timedelta

KEYS, PAGE, ATTEMPTS = 5, 100, 30
REQUESTS_A_DAY = 1_000_000
MINUTES_BETWEEN_ATTEMPTS = 20
TOKEN_SECONDS = 60
PATHS = ("/api/v1/public/enrich/bulk", "/api/v1/public/enrich/status", "/api/v1/public/credits/balance")
AGENTS = ("python-httpx/0.28.1", "axios/1.7.2", "Make/production", "n8n")


def _ago(minutes: float = 0) -> str:
    return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


class Organization:
    """What one organization's answers hold, and how they change from minute to minute."""

    def __init__(self, number: int, per_minute: float) -> None:
        self.number, self.per_minute = number, per_minute
        self.credits, self.requests, self.attempts = 50_000 + number, 0, 0
        self.logs: dict[str, deque[bytes]] = {f"key-{number:06}-{key}": deque(maxlen=PAGE) for key in range(KEYS)}
        self.deliveries: deque[bytes] = deque(maxlen=ATTEMPTS)
        for name in self.logs:
            for newer in range(PAGE, 0, -1):
                self.add_request(name, newer * KEYS / per_minute)
        for newer in range(ATTEMPTS, 0, -1):
            self.add_attempt(newer * MINUTES_BETWEEN_ATTEMPTS)

    def add_request(self, key: str, minutes_ago: float = 0) -> None:
        self.requests += 1
        row = {
            "id": f"req-{self.number}-{self.requests:012}",
            "created_at": _ago(minutes_ago),
            "method": "POST",
            "path": random.choice(PATHS),  # noqa: S311 - not a secret
            "status_code": 200,
            "duration_ms": self.requests % 900,
            "ip_address": f"203.0.113.{self.requests % 8}",
            "user_agent": random.choice(AGENTS),  # noqa: S311
        }
        self.logs[key].appendleft(_json(row))

    def add_attempt(self, minutes_ago: float = 0) -> None:
        self.attempts += 1
        row = {
            "id": f"att-{self.number}-{self.attempts}",
            "workflow_id": f"wf-{self.number}-{self.attempts}",
            "attempt_number": 1,
            "status": "delivered",
            "response_status_code": 200,
            "url": f"https://receiver.example.test/{self.number}",
            "attempted_at": _ago(minutes_ago),
        }
        self.deliveries.appendleft(_json(row))

    def balance(self) -> bytes:
        self.credits -= self.number % 2
        return _json({"organization_id": f"org-{self.number}", "credits": self.credits})

    def keys(self) -> bytes:
        rows = [
            {"id": name, "name": name, "is_active": True, "key_prefix": "clapi_ab", "key_last4": name[-4:]}
            | {"created_at": "2026-01-01T00:00:00Z", "request_count": self.requests, "last_used_at": _ago()}
            for name in self.logs
        ]
        return _json(rows)

    def log(self, key: str) -> bytes:
        share = self.per_minute / KEYS
        for _ in range(int(share) + (random.random() < share % 1)):  # noqa: S311
            self.add_request(key)
        return b"[%b]" % b",".join(self.logs[key])

    def attempts_page(self) -> bytes:
        if random.random() < 0.5 / MINUTES_BETWEEN_ATTEMPTS:  # noqa: S311 - asked twice a minute
            self.add_attempt()
        return b"[%b]" % b",".join(self.deliveries)


def _token(number: int) -> str:
    parts = {"alg": "none", "typ": "JWT"}, {"exp": int(time.time()) + TOKEN_SECONDS, "org": f"{number:06}"}
    return ".".join(base64.urlsafe_b64encode(_json(part)).rstrip(b"=").decode() for part in parts) + ".c2ln"


class Upstream:
    """All organizations; answers are told by the path, and by the number at the end of an API key."""

    def __init__(self, count: int) -> None:
        per_minute = REQUESTS_A_DAY / 24 / 60 / count
        self.organizations = [Organization(number, per_minute) for number in range(count)]

    def answer(self, head: str) -> bytes:
        path = head.split(" ", 2)[1].partition("?")[0]
        if path.startswith("/v1/client/sessions/"):
            return _json({"object": "token", "jwt": _token(int(path.split("/")[4].removeprefix("s-")))})
        if path.endswith("/requests"):
            name = path.split("/")[4]
            return self.organizations[int(name.split("-")[1])].log(name)
        token = head[head.lower().index("authorization: bearer ") + 22 :].partition("\r\n")[0]
        if path == "/api/v1/api-keys":
            claims = token.split(".")[1]
            return self.organizations[int(json.loads(base64.urlsafe_b64decode(claims + "=="))["org"])].keys()
        organization = self.organizations[int(token[-6:]) if token[-6:].isdigit() else 0]
        if path.endswith("/credits/balance"):
            return organization.balance()
        if "/enrich" in path:
            return _json({"status": "completed", "total": 1, "credits_charged": 1, "submitted_at": _ago()})
        return organization.attempts_page()


class Connection(asyncio.Protocol):
    """Answers requests one after the other; none has a body that matters."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream, self.pending = upstream, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        *heads, self.pending = (self.pending + data).split(b"\r\n\r\n")
        for head in heads:
            body = self.upstream.answer(head.decode("latin-1"))
            self.transport.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
            )


def serve(listening: socket.socket, count: int) -> None:
    """Answer on ``listening`` for ``count`` organizations until killed."""

    async def forever() -> None:
        upstream = Upstream(count)
        server = await asyncio.get_running_loop().create_server(lambda: Connection(upstream), sock=listening)
        await server.serve_forever()

    asyncio.run(forever())
