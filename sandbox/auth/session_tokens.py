"""Session JWTs: RS256, verified against a JWKS, minted for stored Clerk client sessions."""

import hashlib
import secrets
import time
from dataclasses import dataclass
from functools import cached_property

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from sqlalchemy.orm import Session

from sandbox.data_dir import DataDir
from sandbox.db.column_types import JsonObject, utc_now
from sandbox.db.tables import ClerkClientSession, Organization, User, new_id
from sandbox.errors import ApiError, invalid_token
from sandbox.seed import ALL_FEATURES
from sandbox.settings import Settings

REQUIRED_CLAIMS = ["sub", "exp", "iat"]


@dataclass(frozen=True, slots=True)
class Claims:
    """The subject of a verified session token."""

    user_id: str
    organization_id: str | None
    session_id: str | None


class SessionTokens:
    """Mints tokens with the data directory's own key, and verifies them or those of a configured Clerk instance."""

    def __init__(self, data_dir: DataDir, settings: Settings) -> None:
        self._data_dir = data_dir
        self._settings = settings
        self._external_jwks = jwt.PyJWKClient(settings.clerk_jwks_url) if settings.clerk_jwks_url else None

    @cached_property
    def _private(self) -> rsa.RSAPrivateKey:
        """The directory's own key, which is made with the first session: that takes a fifth of a second."""
        pem = self._data_dir.signing_key(_new_private_key).encode()
        # It is our own file, and the checks of a key take longer than all else that is done with it.
        private = serialization.load_pem_private_key(pem, password=None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(private, rsa.RSAPrivateKey):
            raise TypeError("session-signing-key.pem must hold an RSA key")
        return private

    @cached_property
    def _key_id(self) -> str:
        public = self._private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return f"ins_{hashlib.sha256(public).hexdigest()[:20]}"

    def jwks(self) -> dict[str, object]:
        """Return the public half in the form of `/.well-known/jwks.json`."""
        jwk = RSAAlgorithm.to_jwk(self._private.public_key(), as_dict=True)
        return {"keys": [jwk | {"kid": self._key_id, "use": "sig", "alg": "RS256"}]}

    def mint(self, client_session: ClerkClientSession, lifetime: int) -> str:
        """Return a token for a client session that is valid for `lifetime` seconds."""
        now = int(time.time())
        claims = {
            "iss": self._settings.public_url,
            "sub": client_session.user_id,
            "sid": client_session.id,
            "org_id": client_session.organization_id,
            "iat": now,
            "nbf": now,
            "exp": now + lifetime,
        }
        return jwt.encode(claims, self._private, algorithm="RS256", headers={"kid": self._key_id})

    def verify(self, token: str) -> Claims:
        """Check signature and times. Raises a 401 `ApiError`, or 503 when the JWKS cannot be read."""
        try:
            claims = self._decode(token)
        except jwt.PyJWKClientConnectionError as error:
            raise ApiError(503, "upstream_unavailable", "The session issuer's JWKS cannot be read.") from error
        except jwt.ExpiredSignatureError as error:
            raise invalid_token("The session token has expired.") from error
        except (jwt.PyJWTError, ValueError) as error:
            raise invalid_token("The token is neither an API key nor a valid session token.") from error
        organization = claims.get("org_id") or (claims.get("o") or {}).get("id")  # Clerk's version 2 has `o`
        return Claims(claims["sub"], organization, claims.get("sid"))

    def _decode(self, token: str) -> JsonObject:
        if self._external_jwks is None:
            # The key never leaves this directory, so a valid signature is enough; the issuer is the URL, which may
            # change between starts.
            options: jwt.types.Options = {"require": REQUIRED_CLAIMS, "verify_iss": False}
            return jwt.decode(token, self._private.public_key(), algorithms=["RS256"], options=options)
        key = self._external_jwks.get_signing_key_from_jwt(token)
        return jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            issuer=self._settings.clerk_issuer,
            leeway=5,
            options={"require": REQUIRED_CLAIMS},
        )


def open_client_session(session: Session, user: User) -> tuple[str, str]:
    """Sign a user in; returns the session id and the client token, of which only a hash is stored."""
    token = secrets.token_urlsafe(32)
    client_session = ClerkClientSession(
        id=new_id("sess"),
        client_token_hash=hash_secret(token),
        user_id=user.id,
        organization_id=user.organization_id,
    )
    session.add(client_session)
    return client_session.id, token


def find_client_session(session: Session, session_id: str, client_token: str) -> ClerkClientSession | None:
    """Return the client session with these credentials, or None if it is unknown or revoked."""
    client_session = session.get(ClerkClientSession, session_id)
    if client_session is None or client_session.revoked_at is not None:
        return None
    matches = secrets.compare_digest(client_session.client_token_hash, hash_secret(client_token))
    return client_session if matches else None


def create_user_from_claims(session: Session, claims: Claims) -> User:
    """Create the user and organization of a token from a configured Clerk instance."""
    organization_id = claims.organization_id or f"org_of_{claims.user_id}"
    if session.get(Organization, organization_id) is None:
        session.add(
            Organization(
                id=organization_id,
                name=organization_id,
                tier="pro",
                features=list(ALL_FEATURES),
                created_at=utc_now(),
            )
        )
        session.flush()
    user = User(id=claims.user_id, organization_id=organization_id, email="", name="", scopes=[])
    session.add(user)
    return user


def hash_secret(secret: str) -> str:
    """Return the SHA-256 of a random secret. 256 random bits need no slow hash: there is nothing to guess."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _new_private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
