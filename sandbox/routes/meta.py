"""Health and the interactive documentation, which loads nothing from other hosts."""

import swagger_ui_bundle
from fastapi import APIRouter, Request
from fastapi.openapi.docs import get_swagger_ui_html
from sqlalchemy import text
from starlette.responses import HTMLResponse

from .dependencies import Sandbox

router = APIRouter(include_in_schema=False)

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
    return get_swagger_ui_html(
        openapi_url="/docs/openapi.json",
        title=f"{request.app.title}: try it",
        swagger_js_url="/docs/assets/swagger-ui-bundle.js",
        swagger_css_url="/docs/assets/swagger-ui.css",
        swagger_favicon_url="/docs/assets/favicon-32x32.png",
    )


@router.get("/docs/openapi.json")
async def docs_openapi(request: Request) -> dict[str, object]:
    """Return the OpenAPI document labelled 3.0: the bundled Swagger UI (4.15) does not read 3.1."""
    return {**request.app.openapi(), "openapi": "3.0.3"}
