"""The identity provider's side: public keys, and tokens for stored client sessions, at Clerk's paths."""

from typing import Annotated

from fastapi import APIRouter, Cookie
from starlette.responses import JSONResponse

from sandbox.auth.session_tokens import find_client_session
from sandbox.errors import AsciiJSONResponse

from .dependencies import Sandbox
from .refusals import ClerkErrors, Responses

router = APIRouter(tags=["Session tokens"])

REFUSED: Responses = {401: {"model": ClerkErrors, "description": "The client session is unknown or has ended"}}


@router.get("/.well-known/jwks.json")
async def jwks(sandbox: Sandbox) -> dict[str, object]:
    """Return the public keys that session tokens are verified with."""
    return sandbox.tokens.jwks()


@router.post("/v1/client/sessions/{session_id}/tokens", responses=REFUSED)
def mint(session_id: str, sandbox: Sandbox, client: Annotated[str, Cookie(alias="__client")] = "") -> JSONResponse:
    """Mint a session token for the client whose `__client` cookie this is."""
    with sandbox.store.reading() as session:
        client_session = find_client_session(session, session_id, client)
    if client_session is None:
        problem = {
            "message": "Invalid authentication",
            "long_message": "Unable to authenticate the request, you need to supply an active session",
            "code": "authentication_invalid",
        }
        return AsciiJSONResponse({"errors": [problem]}, 401)
    token = sandbox.tokens.mint(client_session, sandbox.settings.session_lifetime)
    return AsciiJSONResponse({"object": "token", "jwt": token}, headers={"Cache-Control": "no-store"})
