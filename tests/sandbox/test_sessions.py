"""Session tokens: minted at Clerk's path, verified by JWKS, short-lived, for existing users."""

import http.server
import json
import threading
import time

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from .process import SandboxProcess


def mint(sandbox, session_id=None, client_token=None):
    credentials = sandbox.credentials()
    session_id = session_id or credentials["clerk_session_id"]
    return httpx.post(
        f"{credentials['clerk_frontend_api']}/v1/client/sessions/{session_id}/tokens",
        cookies={"__client": client_token or credentials["clerk_client_token"]},
    )


def whoami(sandbox, token):
    return httpx.get(f"{sandbox.base_url}/api/v1/public/whoami", headers={"Authorization": f"Bearer {token}"})


def test_a_client_session_mints_tokens_for_a_minute(sandbox):
    response = mint(sandbox).json()
    claims = jwt.decode(response["jwt"], options={"verify_signature": False})
    assert response["object"] == "token"
    assert claims["exp"] - claims["iat"] == 60
    assert claims["sub"] == sandbox.credentials()["user_id"]
    assert claims["org_id"] == sandbox.credentials()["organization_id"]
    assert claims["sid"] == sandbox.credentials()["clerk_session_id"]


def test_minted_tokens_verify_against_the_published_keys(sandbox):
    token = mint(sandbox).json()["jwt"]
    keys = jwt.PyJWKSet.from_dict(httpx.get(f"{sandbox.base_url}/.well-known/jwks.json").json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    assert jwt.decode(token, key, algorithms=["RS256"])["iss"] == sandbox.base_url


def test_a_session_sees_the_whole_email(sandbox):
    me = whoami(sandbox, mint(sandbox).json()["jwt"]).json()
    assert (me["auth_type"], me["user_email"]) == ("clerk_jwt", "operations@example-works.test")


@pytest.mark.parametrize("wrong", [{"client_token": "x"}, {"session_id": "sess_none"}])
def test_a_wrong_client_mints_nothing(sandbox, wrong):
    response = mint(sandbox, **wrong)
    assert response.status_code == 401
    assert response.json()["errors"][0]["code"] == "authentication_invalid"


def test_a_token_expires(tmp_path):
    with SandboxProcess(tmp_path / "data", "--session-lifetime", "4") as short:
        token = mint(short).json()["jwt"]
        assert whoami(short, token).status_code == 200
        while whoami(short, token).status_code == 200:
            time.sleep(0.05)
        assert "expired" in whoami(short, token).json()["error"]["problem"]


@pytest.fixture
def foreign_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def claims(**changed):
    now = int(time.time())
    return {"sub": "user_sandboxOperations", "iat": now, "nbf": now, "exp": now + 60, **changed}


def test_a_token_of_another_issuer_is_refused(sandbox, foreign_key):
    assert whoami(sandbox, jwt.encode(claims(), foreign_key, algorithm="RS256")).status_code == 401


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_token_with_another_algorithm_is_refused(sandbox, algorithm):
    key = None if algorithm == "none" else "a secret of at least thirty-two bytes"
    assert whoami(sandbox, jwt.encode(claims(), key, algorithm=algorithm)).status_code == 401


@pytest.fixture
def clerk(foreign_key):
    """A JWKS of a Clerk instance, served on loopback."""
    keys = {"keys": [RSAAlgorithm.to_jwk(foreign_key.public_key(), as_dict=True) | {"kid": "ins_1", "use": "sig"}]}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(keys).encode())

        def log_message(self, *_arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/jwks.json"
        server.shutdown()


def test_a_configured_clerk_is_trusted_instead(tmp_path, clerk, foreign_key):
    flags = ("--clerk-issuer", "https://clerk.example.test", "--clerk-jwks-url", clerk)

    def token(**changed):
        signed = claims(sub="user_of_clerk", iss="https://clerk.example.test", o={"id": "org_of_clerk"}) | changed
        return jwt.encode(signed, foreign_key, algorithm="RS256", headers={"kid": "ins_1"})

    with SandboxProcess(tmp_path / "data", *flags) as sandbox_with_clerk:
        me = whoami(sandbox_with_clerk, token()).json()
        assert (me["user_id"], me["organization_id"]) == ("user_of_clerk", "org_of_clerk")
        assert whoami(sandbox_with_clerk, token(iss="https://other.example.test")).status_code == 401
        assert whoami(sandbox_with_clerk, mint(sandbox_with_clerk).json()["jwt"]).status_code == 401
