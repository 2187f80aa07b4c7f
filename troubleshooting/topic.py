"""One symptom that people come with, and one mistake in a request."""

from dataclasses import dataclass
from typing import Literal

Place = Literal["api", "portal"]


@dataclass(frozen=True)
class Topic:
    """One symptom.

    ``steps`` are names of checks, in the order in which they run; what lives in the portal has none, because the API
    shows nothing of it. ``send`` says what support needs to know of this one besides the usual.
    """

    name: str
    symptom: str
    title: str
    meaning: str
    look_at: tuple[str, ...]
    fix: str
    steps: tuple[str, ...] = ()
    place: Place = "api"
    send: str = ""


@dataclass(frozen=True)
class HeaderMistake:
    """One thing wrong with a header: its name, what it is in a few words, and what to do."""

    name: str
    title: str
    text: str
    fix: str
