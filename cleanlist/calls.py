"""A call to the API as data, which both the sync and the async client can send."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import quote

import msgspec

from cleanlist.secret import Secret

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Call(Generic[T_co]):
    """What to send and how to read the response.

    `idempotent` calls change nothing, so they may be sent again. `confidential` responses contain a new secret, so
    errors keep no excerpt of them. `empty_result` is the result of a 204 response. `template` is the path with names in
    place of ids, if it has any.
    """

    method: str
    path: str
    read: Callable[[bytes], T_co]
    query: Mapping[str, str | int] = field(default_factory=dict)
    body: object = None
    idempotent: bool = True
    confidential: bool = False
    empty_result: T_co | None = None
    template: str = ""

    @property
    def endpoint(self) -> str:
        """Method and path without ids: a label with few values, for metrics."""
        return f"{self.method} {self.template or self.path}"


def get_call(path: str, read: Callable[[bytes], T], template: str = "", **query: str | int | None) -> Call[T]:
    """Return a call that only reads. A query parameter of None is left out."""
    given = {name: value for name, value in query.items() if value is not None}
    return Call("GET", path, read, query=given, template=template)


def json_reader(kind: type[T]) -> Callable[[bytes], T]:
    """Return a reader of JSON as `kind`. It raises `msgspec.MsgspecError` for anything else.

    A field that is null where something else is expected counts as missing.
    """
    decode = msgspec.json.Decoder(kind, dec_hook=_decode_secret).decode

    def read(body: bytes) -> T:
        try:
            return decode(body)
        except msgspec.ValidationError:
            stripped = _without_nulls(msgspec.json.decode(body), levels=4)
            return msgspec.convert(stripped, kind, dec_hook=_decode_secret)

    return read


def _without_nulls(value: object, levels: int) -> object:
    """Remove null fields, deep enough for a list in an envelope; the limit protects against hostile nesting."""
    if levels == 0:
        return value
    if isinstance(value, dict):
        return {name: _without_nulls(each, levels - 1) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_nulls(each, levels - 1) for each in value]
    return value


def _decode_secret(kind: type, value: object) -> object:
    if kind is Secret and isinstance(value, str) and value:
        return Secret(value)
    raise ValueError(f"Expected a text for {kind.__name__}")


def quote_segment(value: object) -> str:
    """Quote one segment of a path. Raises `ValueError` for text that would change the path's meaning."""
    text = str(value)
    if text in {"", ".", ".."}:
        raise ValueError(f"{text!r} cannot be part of an address")
    return quote(text, safe="")
