"""Runs the application on a socket until the process is stopped."""

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import TimeoutError as NoConnection
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.responses import Response
from starlette.routing import Match
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import demo, scenarios, seed
from .auth.authentication import AuthenticationMiddleware
from .auth.credentials import credentials_command, issue_shown_key
from .credits.ledger import InsufficientCredits
from .db.column_types import utc_now
from .engine import Engine
from .errors import (
    ApiError,
    AsciiJSONResponse,
    echo,
    error_response,
    insufficient_credits,
    no_connection,
    uses_envelope,
)
from .http.connections import AbortableProtocol
from .http.faults import FaultMiddleware
from .http.request_ids import RequestIdMiddleware
from .request_log import RequestLogMiddleware
from .routes import clerk, control, home, management, meta, newer, older_public, refusals
from .services import Services, create_services
from .settings import Settings

METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")


def allowed_methods(scope: Scope) -> list[str]:
    """Return every method of a path; none for one that there is not.

    Asks the routers, because the framework names only the methods of the first route that has the path.
    """
    methods = {method for method in METHODS if _is_served({**scope, "method": method})}
    return sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())) if methods else []


def _is_served(scope: Scope) -> bool:
    return any(route.matches(scope)[0] is Match.FULL for route in scope["app"].routes)


class HeadMiddleware:
    """The innermost ASGI middleware: answers HEAD as GET is answered, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass HEAD on as GET and drop the body of the response."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, send_without_body)


class OptionsMiddleware:
    """ASGI middleware: answers OPTIONS of a path that exists with its methods, before anybody asks for a key."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer OPTIONS; pass everything else on."""
        if scope["type"] == "http" and scope["method"] == "OPTIONS" and (methods := allowed_methods(scope)):
            await Response(status_code=204, headers={"Allow": ", ".join(methods)})(scope, receive, send)
            return
        await self._app(scope, receive, send)


class BodyMiddleware(RequestBodyLimitMiddleware):
    """Refuses bodies that are too large, in the shape of their surface, and those that do not arrive in time."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on with a body that ends, or refuse it at once if it says that it is too large."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "")
        if length.isascii() and length.isdigit() and int(length) > self.max_body_size:
            await error_response(scope["path"], _too_large())(scope, receive, send)
            return
        deadline = asyncio.get_running_loop().time() + MAX_BODY_SECONDS
        complete = False

        async def receive_in_time() -> Message:
            nonlocal complete
            try:
                async with asyncio.timeout_at(None if complete else deadline):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, "The body has not arrived in time.") from None
            complete = complete or not message.get("more_body", False)
            return message

        await super().__call__(scope, receive_in_time, send)


SANDBOX = "This is the Cleanlist-compatible sandbox, not Cleanlist."
TITLE = "Cleanlist-compatible sandbox"
ROUTERS = (
    *(management.router, older_public.router, newer.public, newer.v2, newer.exports.files),
    *(clerk.router, control.router, meta.router, home.router),
)
# Upstream's limit is not documented; 250 contacts need far less.
MAX_BODY_BYTES = 2 * 1024 * 1024
# Nobody needs as long for 2 MB, and who never sends them would be waited for.
MAX_BODY_SECONDS = 10
# Errors of a 422, and how many of them repeat what was sent.
MAX_ERRORS, MAX_ECHOED = 5100, 20
# A hung response (a fault, a slow client) must not delay the end of the process.
SHUTDOWN_SECONDS = 1
# Above every Retry-After: a client that waits as told must not send into a connection that is being closed.
KEEP_ALIVE_SECONDS = 75


class Application(FastAPI):
    """FastAPI, whose document has the shapes of refusals, too."""

    def openapi(self) -> dict[str, Any]:
        """Return the document, made when it is first asked for."""
        if self.openapi_schema is None:
            components = super().openapi()["components"]["schemas"]
            components.update(refusals.schemas())
        return super().openapi()


def create_app(settings: Settings) -> FastAPI:
    """Build the application on a data directory; a new one gets the default organization."""
    services = create_services(settings)
    with services.store.session() as session:
        user = seed.ensure_default_organization(session)
        if settings.throwaway or settings.scenario:
            issue_shown_key(session, user, services.data_dir)
    # As they are: `include_router` would make each route again, and the first call of all once more.
    routes = [route for router in ROUTERS for route in router.routes]
    app = Application(title=TITLE, version="2.0.0", lifespan=_lifespan, docs_url=None, redoc_url=None, routes=routes)
    app.state.services = services
    app.mount("/docs/assets", StaticFiles(directory=meta.ASSETS), name="docs-assets")
    _add_middleware(app, services)
    _add_error_handlers(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncGenerator[None]:
    services: Services = app.state.services
    if services.settings.traffic:
        await run_in_threadpool(demo.install, services.store, services.settings.seed, utc_now())
    await run_in_threadpool(scenarios.begin, services)
    traffic = services.settings.traffic
    background = Engine(services.store, services.settings, traffic=traffic, faults=services.faults)
    services.request_log.start()
    background.start()
    yield
    await run_in_threadpool(background.stop)
    await run_in_threadpool(services.request_log.stop)
    services.store.close()


def _add_middleware(app: FastAPI, services: Services) -> None:
    """Add middleware; what is added last sees a request first."""
    app.add_middleware(HeadMiddleware)
    app.add_middleware(BodyMiddleware, max_body_size=MAX_BODY_BYTES)
    app.add_middleware(AuthenticationMiddleware, authenticator=services.authenticator)
    app.add_middleware(RequestLogMiddleware, writer=services.request_log)
    app.add_middleware(OptionsMiddleware)
    app.add_middleware(RequestIdMiddleware)
    app.add_middleware(FaultMiddleware, faults=services.faults)


def _add_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(ApiError, _handle_api_error)
    app.add_exception_handler(InsufficientCredits, _handle_insufficient_credits)
    app.add_exception_handler(NoConnection, _handle_overload)
    app.add_exception_handler(RequestValidationError, _handle_validation_error)
    app.add_exception_handler(HTTPException, _handle_http_error)
    app.add_exception_handler(Exception, _handle_crash)


async def _handle_api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101 - what it is registered for
    return error_response(request.scope["path"], error)


async def _handle_insufficient_credits(request: Request, error: Exception) -> Response:
    assert isinstance(error, InsufficientCredits)  # noqa: S101 - what it is registered for
    return error_response(request.scope["path"], insufficient_credits(error))


NOT_JSON = "The body is not read as JSON: send the header Content-Type: application/json"


async def _handle_validation_error(_request: Request, error: Exception) -> Response:
    """Return FastAPI's 422, as upstream does on every surface, of what comes first and can be JSON."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
    detail = [
        {
            "type": item["type"],
            "loc": [echo(part) for part in item["loc"]],
            "msg": NOT_JSON if isinstance(item.get("input"), bytes) else item["msg"],
            "input": echo(item.get("input")) if number < MAX_ECHOED else None,
        }
        for number, item in enumerate(error.errors()[:MAX_ERRORS])
    ]
    return AsciiJSONResponse({"detail": detail}, 422)


async def _handle_http_error(request: Request, error: Exception) -> Response:
    """Return the framework's own errors: bodies (400, 413), unknown paths and methods (404, 405)."""
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    path = request.scope["path"]
    if error.status_code in {404, 405}:
        return _refuse_path(request, error.status_code)
    if error.status_code == 413:
        return error_response(path, _too_large())
    if error.status_code == 408:
        refusal = error_response(path, ApiError(408, "request_timeout", error.detail, "Send the whole body at once."))
        refusal.headers["Connection"] = "close"  # or the rest of the body would be waited for
        return refusal
    if error.status_code == 400 and uses_envelope(path, 400):
        return error_response(path, ApiError(400, "validation_error", error.detail, _fix(error.__cause__)))
    return AsciiJSONResponse({"detail": error.detail}, error.status_code, error.headers)


def _too_large() -> ApiError:
    return ApiError(413, "payload_too_large", "The request body exceeds 2 MB.", "Send less at a time.")


def _fix(cause: BaseException | None) -> str:
    """Return what to do about a body that FastAPI could not read, which it refuses otherwise than one cut off."""
    why = {UnicodeDecodeError: "is not UTF-8", RecursionError: "is nested too deeply"}
    return f"Send JSON. The body {why.get(type(cause), 'has something that cannot be read, such as a huge number')}."


def _refuse_path(request: Request, status: int) -> Response:
    """Return what is wrong with path or method, and that this is the sandbox: clients are often misdirected to it."""
    path = request.scope["path"]
    if status == 405:
        methods = ", ".join(allowed_methods(request.scope))
        error = ApiError(405, "method_not_allowed", f"{SANDBOX} This path has {methods}.", "Use one of these methods.")
        headers = {"Allow": methods}
    else:
        error = ApiError(404, "not_found", f"{SANDBOX} It has no such path.", "See /docs for those that it has.")
        headers = {}
    response = error_response(path, error, anywhere=True)
    response.headers.update(headers)
    return response


async def _handle_overload(request: Request, _error: Exception) -> Response:
    return error_response(request.scope["path"], no_connection())


async def _handle_crash(request: Request, _error: Exception) -> Response:
    problem = "The sandbox failed; its own output says why."
    return error_response(request.scope["path"], ApiError(500, "internal_error", problem))


def run(settings: Settings, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; prints "sandbox ready on …" when it listens."""
    # uvicorn raises the signal that stopped it again at its end; a stop on request is no failure.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _ignore)
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        http=AbortableProtocol,
        log_level="warning",
        access_log=False,
        # The peer's IP address protects the control surface, so no header may change it.
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    gc.freeze()  # what is loaded stays, and is looked through no more
    gc.enable()
    _Server(config, app.state.services).run(sockets=[listener])
    gc.freeze()  # or Python looks through all that is loaded once more, for half a second


class _Server(uvicorn.Server):
    """Prints that it listens, where the tokens are if nobody has chosen the folder of the data, and the scenario."""

    def __init__(self, config: uvicorn.Config, services: Services) -> None:
        super().__init__(config)
        self._services = services
        self._settings = services.settings

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            sys.stdout.write(f"sandbox ready on {self._settings.public_url}\n")
            if self._settings.throwaway:
                show = f"{credentials_command()} --data {self._settings.data_dir}"
                sys.stdout.write(f"its API key, session token and control token: {show}\n")
            with self._services.store.reading() as session:
                in_force = scenarios.in_force(session)
            if in_force != scenarios.NORMAL:
                sys.stdout.write(f"scenario in force: {in_force}\n")
            sys.stdout.flush()


def _ignore(_number: int, _frame: FrameType | None) -> None:
    return
