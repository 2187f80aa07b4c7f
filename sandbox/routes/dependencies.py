"""Dependencies of the routes: the caller, scopes and rate limits."""

from typing import Annotated, cast

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from sandbox.auth.authentication import Principal
from sandbox.errors import ApiError
from sandbox.services import Services

# These only describe the header for /docs: the credentials are checked by `sandbox.auth.authentication`.
KeyOrSession = HTTPBearer(
    scheme_name="API key or session token", description="`clapi_…` or a Clerk session JWT", auto_error=False
)
SessionOnly = HTTPBearer(scheme_name="Session token", description="A Clerk session JWT", auto_error=False)


async def get_services(request: Request) -> Services:
    """Return the services of this process."""
    return cast("Services", request.app.state.services)


Sandbox = Annotated[Services, Depends(get_services)]


async def public_caller(
    request: Request,
    required: SecurityScopes,
    sandbox: Sandbox,
    _header: Annotated[HTTPAuthorizationCredentials | None, Depends(KeyOrSession)],
) -> Principal:
    """Count the call against the limits, then demand the endpoint's scope.

    Raises `ApiError` 429 or 403; a missing or bad credential was refused before (`auth.Authentication`).
    """
    principal = cast("Principal", request.state.principal)
    endpoint = (request.method, request.scope["route"].path)
    if principal.api_key_id is not None:
        sandbox.windows.acquire(("key", principal.api_key_id), sandbox.limits.key)
    sandbox.windows.acquire(("organization", principal.organization_id, *endpoint), sandbox.limits.organization)
    for scope in required.scopes:
        require_scope(principal, scope)
    return principal


def require_scope(principal: Principal, scope: str) -> None:
    """Raise a 403 `ApiError` if the caller lacks a scope."""
    if scope not in principal.scopes:
        raise _insufficient_scope(scope, principal.scopes)


def session_caller(
    request: Request,
    sandbox: Sandbox,
    _header: Annotated[HTTPAuthorizationCredentials | None, Depends(SessionOnly)],
) -> Principal:
    """Demand a session token. Raises a 401 `ApiError`."""
    return sandbox.authenticator.session_only(request.headers)


Caller = Annotated[Principal, Security(public_caller)]
CreditsReader = Annotated[Principal, Security(public_caller, scopes=["credits:read"])]
Enricher = Annotated[Principal, Security(public_caller, scopes=["enrich:write"])]
EnrichmentReader = Annotated[Principal, Security(public_caller, scopes=["enrich:read"])]
PeopleReader = Annotated[Principal, Security(public_caller, scopes=["people:read"])]
CompaniesReader = Annotated[Principal, Security(public_caller, scopes=["companies:read"])]
ListsReader = Annotated[Principal, Security(public_caller, scopes=["lists:read"])]
ListsWriter = Annotated[Principal, Security(public_caller, scopes=["lists:write"])]
Exporter = Annotated[Principal, Security(public_caller, scopes=["export:read"])]
Syncer = Annotated[Principal, Security(public_caller, scopes=["sync:write"])]
AgentsReader = Annotated[Principal, Security(public_caller, scopes=["smart_agents:read"])]
AgentsRunner = Annotated[Principal, Security(public_caller, scopes=["smart_agents:write"])]
KeyAdministrator = Annotated[Principal, Security(public_caller, scopes=["admin:api_keys"])]
SignedIn = Annotated[Principal, Depends(session_caller)]


def _insufficient_scope(scope: str, granted: tuple[str, ...]) -> ApiError:
    return ApiError(
        403,
        "insufficient_scope",
        f"This call requires the '{scope}' scope, which is not granted to the authenticating credential.",
        "Re-issue the API key with the required scope, or sign in with an identity that has it. "
        "See /api/v1/public/whoami.",
        extra={"details": {"required_scope": scope, "granted_scopes": list(granted)}},
    )
