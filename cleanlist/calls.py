"""One call, described once, as data: the sync and the async client both send it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import msgspec

from cleanlist.secret import Secret

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """What to ask and how to read the answer.

    `idempotent` calls change nothing, so they may be sent again. `confidential` answers hold a new secret, so
    no excerpt of them is kept in an error. `empty_answer` is the result when upstream answers 204. `template` is
    the path with names in place of ids, where it has any.
    """

    method: str
    path: str
    read: Callable[[bytes], T]
    query: Mapping[str, str | int] = field(default_factory=dict)
    body: object = None
    idempotent: bool = True
    confidential: bool = False
    empty_answer: T | None = None
    template: str = ""

    @property
    def endpoint(self) -> str:
        """Return what is called, without ids: one of few values."""
        return f"{self.method} {self.template or self.path}"


def get(path: str, read: Callable[[bytes], T], template: str = "", **query: str | int | None) -> Call[T]:
    """Describe a call that only reads. A query parameter of None is left out."""
    given = {name: value for name, value in query.items() if value is not None}
    return Call("GET", path, read, query=given, template=template)


def decoded(kind: type[T]) -> Callable[[bytes], T]:
    """Return a reader of JSON as `kind`. It raises `msgspec.MsgspecError` for anything else.

    A field that is null where something else is expected reads as one that was left out.
    """
    decode = msgspec.json.Decoder(kind, dec_hook=_decode_own_type).decode

    def read(body: bytes) -> T:
        try:
            return decode(body)
        except msgspec.ValidationError:
            stripped = _without_nulls(msgspec.json.decode(body), levels=4)
            return msgspec.convert(stripped, kind, dec_hook=_decode_own_type)

    return read


def _without_nulls(value: Any, levels: int) -> Any:
    """Leave null fields out: deep enough for a list in an envelope, and never as deep as a hostile answer."""
    if levels == 0:
        return value
    if isinstance(value, dict):
        return {name: _without_nulls(each, levels - 1) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_nulls(each, levels - 1) for each in value]
    return value


def _decode_own_type(kind: type, value: Any) -> Any:
    if kind is Secret and isinstance(value, str) and value:
        return Secret(value)
    raise ValueError(f"Expected a text for {kind.__name__}")


def segment(value: object) -> str:
    """Quote one part of a path. Raises `ValueError` for what would change the path's meaning."""
    text = str(value)
    if text in {"", ".", ".."}:
        raise ValueError(f"{text!r} cannot be part of an address")
    return quote(text, safe="")
