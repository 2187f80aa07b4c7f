"""The application: routes, the layers around them, and what runs beside them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.responses import Response
from starlette.routing import Match
from starlette.staticfiles import StaticFiles

from . import founding, traffic
from .auth import Authentication
from .columns import utc_now
from .engine import Background
from .errors import ApiError, AsciiJSONResponse, to_response, uses_envelope, without_unprintable
from .faults import FaultInjection
from .request_log import RequestLogging
from .routes import clerk, control, legacy, management, meta, newer
from .services import Services, assemble
from .settings import Settings

TITLE = "Cleanlist-compatible sandbox"
# Upstream's figure is not documented; 250 contacts need far less.
MAX_BODY_BYTES = 2 * 1024 * 1024


def create_app(settings: Settings) -> FastAPI:
    """Build the application on a data directory, which is founded when it is new."""
    services = assemble(settings)
    with services.store.session() as session:
        founding.found(session)
    app = FastAPI(title=TITLE, version="2.0.0", lifespan=_lifespan, docs_url=None, redoc_url=None)
    app.state.services = services
    for router in (management.router, legacy.router, newer.public, newer.v2, clerk.router, control.router):
        app.include_router(router)
    app.include_router(meta.router)
    app.mount("/docs/assets", StaticFiles(directory=meta.ASSETS), name="docs-assets")
    _add_layers(app, services)
    _add_error_handlers(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncGenerator[None]:
    services: Services = app.state.services
    if services.settings.traffic:
        await run_in_threadpool(traffic.install, services.store, services.settings.seed, utc_now())
    background = Background(services.store, services.settings, traffic=services.settings.traffic)
    services.request_log.start()
    background.start()
    yield
    await run_in_threadpool(background.stop)
    await run_in_threadpool(services.request_log.stop)
    services.store.close()


def _add_layers(app: FastAPI, services: Services) -> None:
    """Wrap the routes; the layer that is added last sees a call first."""
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=MAX_BODY_BYTES)
    app.add_middleware(RequestLogging, writer=services.request_log)
    app.add_middleware(Authentication, authenticator=services.authenticator)
    app.add_middleware(FaultInjection, faults=services.faults)


def _add_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(ApiError, _refuse)
    app.add_exception_handler(RequestValidationError, _name_invalid_fields)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_exception_handler(Exception, _answer_crash)


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101 - what it is registered for
    return to_response(request.scope["path"], error)


async def _name_invalid_fields(_request: Request, error: Exception) -> Response:
    """Answer FastAPI's 422, as upstream does on every surface, without what cannot be JSON."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
    detail = [
        {
            "type": item["type"],
            "loc": list(item["loc"]),
            "msg": item["msg"],
            "input": without_unprintable(item.get("input")),
        }
        for item in error.errors()
    ]
    return AsciiJSONResponse({"detail": detail}, 422)


async def _answer_http_error(request: Request, error: Exception) -> Response:
    """Answer what the framework refuses: bodies (400, 413), unknown paths and methods (404, 405)."""
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    path = request.scope["path"]
    if error.status_code == 405:
        return AsciiJSONResponse({"detail": error.detail}, 405, {"Allow": _methods_of(request)})
    if error.status_code == 413:
        return to_response(path, ApiError(413, "payload_too_large", "The request body exceeds 2 MB."))
    if error.status_code == 400 and uses_envelope(path, 400):
        return to_response(path, ApiError(400, "validation_error", error.detail))
    return AsciiJSONResponse({"detail": error.detail}, error.status_code, error.headers)


def _methods_of(request: Request) -> str:
    """Return every method of the path: the framework names only those of the first route that has it."""
    matching = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
    return ", ".join(sorted({method for route in matching for method in getattr(route, "methods", None) or ()}))


async def _answer_crash(request: Request, _error: Exception) -> Response:
    problem = "The sandbox failed; its own output says why."
    return to_response(request.scope["path"], ApiError(500, "internal_error", problem))
