"""Health and the interactive documentation, which loads nothing from other hosts."""

import json
import re

import swagger_ui_bundle
from fastapi import APIRouter, Request
from fastapi.openapi.docs import get_swagger_ui_html
from sqlalchemy import text
from starlette.responses import HTMLResponse, RedirectResponse, Response

from sandbox.db.column_types import JsonObject

from .dependencies import Sandbox

router = APIRouter(include_in_schema=False)

_REFERENCE = re.compile(r"#/components/schemas/([\w.-]+)")
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#2563eb"/>'
    '<path d="M4 8.5l3 3 5-7" fill="none" stroke="#fff" stroke-width="2"/></svg>'
)
ASSETS = swagger_ui_bundle.swagger_ui_path


@router.get("/healthz")
def healthz(sandbox: Sandbox) -> dict[str, str]:
    """Answer when the database does."""
    with sandbox.store.reading() as session:
        session.execute(text("SELECT 1"))
    return {"status": "ok"}


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """Serve Swagger UI from the installed package."""
    page = get_swagger_ui_html(
        openapi_url="/docs/openapi.json",
        title=f"{request.app.title}: try it",
        swagger_js_url="/docs/assets/swagger-ui-bundle.js",
        swagger_css_url="/docs/assets/swagger-ui.css",
        swagger_favicon_url="/favicon.ico",
    )
    return HTMLResponse(bytes(page.body).decode().replace("<html>", '<html lang="en">', 1))


@router.get("/redoc")
async def redoc() -> RedirectResponse:
    """Lead to the same documentation, which upstream has in two forms."""
    return RedirectResponse("/docs")


@router.get("/favicon.ico")
async def favicon() -> Response:
    """Return the icon of every page."""
    return Response(ICON, media_type="image/svg+xml", headers={"Cache-Control": "max-age=86400"})


@router.get("/openapi-public-v2.json")
async def openapi_v2(request: Request) -> JsonObject:
    """Return the document of version 2."""
    return _part(request.app.openapi(), "/api/v2/")


@router.get("/openapi-public.json")
async def openapi_v1(request: Request) -> JsonObject:
    """Return the document of the older version."""
    return _part(request.app.openapi(), "/api/v1/public/")


def _part(document: JsonObject, prefix: str) -> JsonObject:
    """Return the calls below a prefix, and the schemas that they use."""
    paths = {path: calls for path, calls in document["paths"].items() if path.startswith(prefix)}
    schemas: dict[str, object] = document["components"]["schemas"]
    used: set[str] = set()
    new = _named(paths)
    while new:
        used |= new
        new = _named([schemas[name] for name in new]) - used
    components = {**document["components"], "schemas": {name: schemas[name] for name in schemas if name in used}}
    return {**document, "paths": paths, "components": components}


def _named(part: object) -> set[str]:
    return set(_REFERENCE.findall(json.dumps(part)))


@router.get("/docs/openapi.json")
async def docs_openapi(request: Request) -> dict[str, object]:
    """Return the OpenAPI document labelled 3.0: the bundled Swagger UI (4.15) does not read 3.1."""
    return {**request.app.openapi(), "openapi": "3.0.3"}
