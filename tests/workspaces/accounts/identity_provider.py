"""A small OpenID Connect provider on loopback: discovery, authorization code with PKCE, token, userinfo."""

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import jwt

LOGIN = "/accounts/identity/sso/login/"


def go_through(client, then=""):
    """Go to the provider and back, as the browser does; return the console's answer."""
    to_provider = client.get(f"{LOGIN}?next={then}" if then else LOGIN)["Location"]
    back = httpx.get(to_provider).headers["Location"]
    return client.get(back.removeprefix("http://testserver"))


class IdentityProvider:
    """Vouches for whoever ``claims`` describes."""

    client_id, client_secret = "console", "hush"

    def __init__(self):
        self.claims = {"sub": "person-1", "email": "operations@example.test", "email_verified": True}
        self.id_claims = None  # what the id token says, where that differs from userinfo
        self.auth_time = lambda: int(time.time())  # what it says of when they signed in to it, if it is asked
        self.odd = {}  # what its description of itself says differently
        self.odd_token = None  # what it answers to the code instead of a token
        self.codes = {}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def discovery(self, _):
        paths = {"authorization": "authorize", "token": "token", "userinfo": "userinfo"}
        endpoints = {f"{name}_endpoint": f"{self.url}/{path}" for name, path in paths.items()}
        found = {"issuer": self.url, "jwks_uri": f"{self.url}/jwks", **endpoints}
        return self.odd if not isinstance(self.odd, dict) else {**found, **self.odd}

    def authorize(self, query):
        code = secrets.token_urlsafe()
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def token(self, form):
        challenge = hashlib.sha256(form["code_verifier"].encode()).digest()
        asked = self.codes.pop(form["code"])
        assert asked["code_challenge"] == base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
        assert form["client_secret"] == self.client_secret
        said = self.claims if self.id_claims is None else self.id_claims
        if self.odd_token is not None:
            return self.odd_token
        if "max_age" in asked and (auth_time := self.auth_time()) is not None:
            said = {"auth_time": auth_time, **said}
        claims = {**said, "iss": self.url, "aud": self.client_id}
        return {"access_token": "access", "token_type": "Bearer", "id_token": jwt.encode(claims, "k" * 32)}

    def userinfo(self, _):
        return self.claims

    def _handler(provider):  # noqa: N805 - the handler has a self of its own
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                parts = urlsplit(self.path)
                name = parts.path.rpartition("/")[2].replace("openid-configuration", "discovery")
                self._answer(getattr(provider, name)(_flat(parts.query)))

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self._answer(provider.token(_flat(body)))

            def _answer(self, answer):
                is_redirect = isinstance(answer, str)
                self.send_response(302 if is_redirect else 200)
                self.send_header(
                    "Location" if is_redirect else "Content-Type", answer if is_redirect else "application/json"
                )
                self.end_headers()
                self.wfile.write(b"" if is_redirect else json.dumps(answer).encode())

            def log_message(self, *_):
                pass

        return Handler


def _flat(query):
    return {name: values[0] for name, values in parse_qs(query).items()}
