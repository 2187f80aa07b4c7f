"""A server that speaks the Cleanlist API and means harm: every text that it may choose is an attack."""

import base64
import json
import time
from http.server import BaseHTTPRequestHandler

from .world import Upstream

BIG = "A" * 1_000_000
WORKFLOW = "public_bulk_11111111-2222-4333-8444-555555555555"
ATTACKS = {
    "script": "<xss onxss=1></title></script><script>alert(1)</script>",
    "attribute": "\"'><xss onxss=1 x=\"'",
    "template": "{{ 7|add:7 }}{% now 'Y' %}${7*7}&lt;xss&gt;",
    "control": "a\x00b\x01c\x07d\x1b[31me\x7ff\x85g",
    "direction": "abc\u202egnp.exe\u2066\u2067\u061c",
    "zero width": "pa\u200byp\u200dal\ufeff\u00ad",
    "lines": "x\r\nBcc: everybody@evil.test\r\n\r\n<xss>\u2028y\u2029",
    "formula": "=cmd|'/c calc'!A1",
    "plus": "+1+cmd|x",
    "at": "@SUM(1+1)",
    "tab": "\t=1+1",
    "long": BIG,
    "long word": "<xss " + BIG,
    "unicode": "\U0001f4a5\u0b95\u0bcd\u05d0\ufffe\U0010ffff",
    "address": "javascript:alert(1)//https://evil.test/",
}
# What only a spreadsheet takes for more than text; to a page it is a plain word.
ON_A_SHEET = {"formula", "plus", "at", "tab"}
ON_A_PAGE = [name for name in ATTACKS if name not in ON_A_SHEET]


def token():
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    claims = {"sub": "user_x", "exp": int(time.time()) + 3600, "iat": int(time.time())}
    return f"{part({'alg': 'none'})}.{part(claims)}.sig"


class HostileUpstream(Upstream):
    """Answers with ``text`` wherever the API has a text, and with ``number`` for the counts; refuses with it too."""

    text, number, refusing = "", 7, False

    def handler(self):
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                upstream.calls.append(f"{self.command} {self.path}")
                status, body = upstream.answer(self.command, self.path)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            do_GET = do_POST = do_DELETE = answer  # noqa: N815 - the standard library's names

            def log_message(self, *_):
                pass

        return Handler

    def answer(self, method, path):
        if path.startswith("/v1/client/"):
            return 200, {"jwt": token()}
        if self.refusing:
            return self.refusing, {"error": {"code": self.text, "problem": self.text, "fix": self.text}}
        for part, body in self.answers().items():
            if part in path:
                return 200, body
        return 200, {"success": True, "message": self.text}

    def answers(self):
        text, number = self.text, self.number
        many = 1 if len(text) >= len(BIG) else 300  # three hundred megabytes would be refused unread
        moment = "2026-01-02T03:04:05Z"
        key = {
            "id": "11111111-2222-4333-8444-555555555555",
            "name": text,
            "key_prefix": text,
            "key_last4": text,
            "created_at": moment,
            "last_used_at": moment,
            "request_count": number,
            "is_active": True,
        }
        logged = {
            "id": text,
            "method": text,
            "path": text,
            "status_code": number,
            "duration_ms": number,
            "ip_address": text,
            "user_agent": text,
            "created_at": moment,
        }
        attempt = {
            "id": text,
            "workflow_id": WORKFLOW,
            "attempt_number": number,
            "url": text,
            "status": text,
            "response_status_code": number,
            "error_message": text,
            "response_time_ms": number,
            "attempted_at": moment,
        }
        whoami = {"user_email": text, "user_id": text, "user_name": text, "auth_type": "api_key", "tier": text}
        return {
            "/requests": [logged],
            "/revoke": {"success": True, "message": text},
            "/api-keys": [key, {**key, "id": text}],
            "/credits/balance": {"organization_id": text, "credits": number},
            "/deliveries": {"deliveries": [attempt, {**attempt, "workflow_id": text, "attempted_at": text}]},
            "/status": {"workflow_id": WORKFLOW, "status": text, "summary": {"total": number}, "completed_at": text},
            "/whoami": whoami
            | {"organization_id": text, "organization_name": text, "scopes": [text], "features": [text] * many},
        }
