"""Runs the application on a socket until the process is stopped."""

import signal
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import FrameType

import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.responses import Response
from starlette.routing import Match
from starlette.staticfiles import StaticFiles

from . import demo, seed
from .auth.authentication import AuthenticationMiddleware
from .db.column_types import utc_now
from .engine import Engine
from .errors import ApiError, AsciiJSONResponse, error_response, json_safe, uses_envelope
from .http.connections import AbortableProtocol
from .http.faults import FaultMiddleware
from .request_log import RequestLogMiddleware
from .routes import clerk, control, management, meta, newer_public, older_public
from .services import Services, create_services
from .settings import Settings

TITLE = "Cleanlist-compatible sandbox"
# Upstream's limit is not documented; 250 contacts need far less.
MAX_BODY_BYTES = 2 * 1024 * 1024
# A hung response (a fault, a slow client) must not delay the end of the process.
SHUTDOWN_SECONDS = 1


def create_app(settings: Settings) -> FastAPI:
    """Build the application on a data directory; a new one gets the default organization."""
    services = create_services(settings)
    with services.store.session() as session:
        seed.ensure_default_organization(session)
    app = FastAPI(title=TITLE, version="2.0.0", lifespan=_lifespan, docs_url=None, redoc_url=None)
    app.state.services = services
    for router in (management.router, older_public.router, newer_public.public, newer_public.v2):
        app.include_router(router)
    for router in (clerk.router, control.router, meta.router):
        app.include_router(router)
    app.mount("/docs/assets", StaticFiles(directory=meta.ASSETS), name="docs-assets")
    _add_middleware(app, services)
    _add_error_handlers(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncGenerator[None]:
    services: Services = app.state.services
    if services.settings.traffic:
        await run_in_threadpool(demo.install, services.store, services.settings.seed, utc_now())
    background = Engine(services.store, services.settings, traffic=services.settings.traffic)
    services.request_log.start()
    background.start()
    yield
    await run_in_threadpool(background.stop)
    await run_in_threadpool(services.request_log.stop)
    services.store.close()


def _add_middleware(app: FastAPI, services: Services) -> None:
    """Add middleware; what is added last sees a request first."""
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=MAX_BODY_BYTES)
    app.add_middleware(RequestLogMiddleware, writer=services.request_log)
    app.add_middleware(AuthenticationMiddleware, authenticator=services.authenticator)
    app.add_middleware(FaultMiddleware, faults=services.faults)


def _add_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(ApiError, _handle_api_error)
    app.add_exception_handler(RequestValidationError, _handle_validation_error)
    app.add_exception_handler(HTTPException, _handle_http_error)
    app.add_exception_handler(Exception, _handle_crash)


async def _handle_api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101 - what it is registered for
    return error_response(request.scope["path"], error)


async def _handle_validation_error(_request: Request, error: Exception) -> Response:
    """Return FastAPI's 422, as upstream does on every surface, without what cannot be JSON."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
    detail = [
        {
            "type": item["type"],
            "loc": list(item["loc"]),
            "msg": item["msg"],
            "input": json_safe(item.get("input")),
        }
        for item in error.errors()
    ]
    return AsciiJSONResponse({"detail": detail}, 422)


async def _handle_http_error(request: Request, error: Exception) -> Response:
    """Return the framework's own errors: bodies (400, 413), unknown paths and methods (404, 405)."""
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    path = request.scope["path"]
    if error.status_code == 405:
        return AsciiJSONResponse({"detail": error.detail}, 405, {"Allow": _methods_of(request)})
    if error.status_code == 413:
        return error_response(path, ApiError(413, "payload_too_large", "The request body exceeds 2 MB."))
    if error.status_code == 400 and uses_envelope(path, 400):
        return error_response(path, ApiError(400, "validation_error", error.detail))
    return AsciiJSONResponse({"detail": error.detail}, error.status_code, error.headers)


def _methods_of(request: Request) -> str:
    """Return every method of the path: the framework names only those of the first route that has it."""
    matching = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
    return ", ".join(sorted({method for route in matching for method in getattr(route, "methods", None) or ()}))


async def _handle_crash(request: Request, _error: Exception) -> Response:
    problem = "The sandbox failed; its own output says why."
    return error_response(request.scope["path"], ApiError(500, "internal_error", problem))


# A hung response (a fault, a slow client) must not delay the end of the process.


def run(settings: Settings, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; prints "sandbox ready on …" when it listens."""
    # uvicorn raises the signal that stopped it again at its end; a stop on request is no failure.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _ignore)
    config = uvicorn.Config(
        create_app(settings),
        http=AbortableProtocol,
        log_level="warning",
        access_log=False,
        # The peer's IP address protects the control surface, so no header may change it.
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    _Server(config, settings.public_url).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Prints a line when it listens."""

    def __init__(self, config: uvicorn.Config, url: str) -> None:
        super().__init__(config)
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            sys.stdout.write(f"sandbox ready on {self._url}\n")
            sys.stdout.flush()


def _ignore(_number: int, _frame: FrameType | None) -> None:
    return
