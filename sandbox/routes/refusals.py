"""What the OpenAPI document says about refusals: which statuses, in which of the two shapes."""

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema


class Detail(BaseModel):
    """The older shape."""

    detail: str


class Problem(BaseModel):
    """What is inside the newer shape; some codes add facts of their own."""

    code: str
    problem: str
    fix: str | None
    retryable: bool
    docs_url: str
    request_id: str


class Refusal(BaseModel):
    """The newer shape."""

    error: Problem


class ClerkError(BaseModel):
    """One problem, as Clerk's front-end API words it."""

    message: str
    long_message: str
    code: str


class ClerkErrors(BaseModel):
    """Clerk's shape."""

    errors: list[ClerkError]


SCHEMA = "#/components/schemas/{model}"
Responses = dict[int | str, dict[str, object]]

_MEANING = {
    400: "The call cannot be carried out as it is",
    401: "The credential is missing, unknown, revoked or expired",
    402: "Not enough credits",
    403: "A scope or the plan's feature is missing",
    404: "There is nothing with this ID here",
    409: "The quote, name or idempotency key is already used",
    413: "The file is too large",
    429: "Too many calls; Retry-After says when to go on",
}


def refusals(shape: type[BaseModel], *statuses: int) -> Responses:
    """Return the ``responses`` argument of a router or route: these statuses in this shape.

    As a reference into `schemas`: from a model, each of 400 refusals would get a serializer that nothing uses.
    """
    content = {"application/json": {"schema": {"$ref": SCHEMA.format(model=shape.__name__)}}}
    return {status: {"description": _MEANING[status], "content": content} for status in statuses}


def schemas() -> dict[str, object]:
    """Return the shapes, for the components of the OpenAPI document."""
    definitions = models_json_schema([(Detail, "serialization"), (Refusal, "serialization")], ref_template=SCHEMA)[1]
    return dict(definitions["$defs"])


MANAGEMENT = refusals(Detail, 400, 401, 403, 404)
OLDER_PUBLIC = refusals(Detail, 400, 402, 404) | refusals(Refusal, 401, 403, 429)
NEWER_PUBLIC = refusals(Refusal, 400, 401, 403, 404, 429)
CONTROL = refusals(Detail, 400, 401, 403, 404)
