"""Cleanlist's OpenAPI document of API version 2.0.0, without its descriptions, and responses checked against it."""

import json
import os
import re
from functools import cache
from pathlib import Path

# CLEANLIST_OPENAPI names a whole document, such as a newer one.
PUBLISHED = Path(os.environ.get("CLEANLIST_OPENAPI", Path(__file__).parent / "published_schemas.json"))


@cache
def document():
    return json.loads(PUBLISHED.read_text())


@cache
def operations():
    """Return (method, path) of every published operation."""
    return [(method.upper(), path) for path, methods in document()["paths"].items() for method in methods]


def assert_matches(body, name):
    """Assert that a body has no undocumented field and matches the published schema."""
    _validate(body, {"$ref": f"#/components/schemas/{name}"})


def check(response):
    """Raise if a successful response, or a 422, differs from what is published for its call."""
    operation = _operation(response.request.method, response.request.url.path)
    if operation is None or not (response.status_code < 300 or response.status_code == 422):
        return response
    # The document has one success each; creating a list answers 200 when there is one of that name.
    success = next(status for status in operation["responses"] if status.startswith("2"))
    status = "422" if response.status_code == 422 else success
    response.read()
    _validate(response.json(), operation["responses"][status]["content"]["application/json"]["schema"])
    return response


def _operation(method, path):
    path = path.replace("/api/v1/public/", "/api/v2/")
    for template, methods in document()["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path) and method.lower() in methods:
            return methods[method.lower()]
    return None


def _validate(body, schema):
    import jsonschema  # noqa: PLC0415 - takes seconds, in each process that collects this file

    jsonschema.validate(body, {**document(), **schema})
