"""A request as it was read from what somebody pasted: what is known of it, and how surely."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class PastedRequest:
    """What would be sent. Its secrets are marks already.

    ``is_whole`` tells that a header which is not here is not sent: so it is for a command, not for a part of a program.
    ``is_form`` tells that its body is sent as a form unless a header says otherwise. ``status`` and ``answer`` are what
    came back, where that was pasted too.
    """

    method: str = ""
    url: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    uses_basic: bool = False
    is_whole: bool = True
    is_form: bool = False
    status: int | None = None
    answer: str = ""

    @property
    def endpoint(self) -> str:
        """Return method and path, such as "POST /api/v1/public/enrich/bulk"; empty without a path of the API."""
        try:
            path = urlsplit(self.url).path
        except ValueError:
            path = ""
        return f"{self.method or ('POST' if self.data else 'GET')} {path}"[:200] if path.startswith("/") else ""

    @property
    def body(self) -> str:
        """Return what is sent; empty where it comes from a file or there is nothing."""
        return "" if any(part.startswith("@") for part in self.data) else "&".join(self.data)

    @property
    def says_json(self) -> bool:
        """Return whether a header says that the body is JSON."""
        return any(name.lower() == "content-type" and "json" in value.lower() for name, value in self.headers)
