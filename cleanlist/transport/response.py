"""A raw response, before its body is parsed."""

from dataclasses import dataclass, field

import httpx


@dataclass(frozen=True, slots=True)
class Response:
    """Status, headers and body. The body is not in `repr`, as it may contain a new secret."""

    status: int
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)
    truncated: bool = False

    def text(self, limit: int) -> str:
        """Return the beginning of the body."""
        return self.body[:limit].decode("utf-8", "replace")

    def is_json(self) -> bool:
        """Whether the body is declared as JSON or looks like it."""
        return self.body[:1] in {b"{", b"["} or "json" in self.headers.get("content-type", "")

    def describe_body(self) -> str:
        if not self.body.strip():
            return "an empty body"
        if "html" in self.headers.get("content-type", "") or self.body.lstrip()[:1] == b"<":
            return "an HTML page"
        return "JSON that this call does not expect" if self.is_json() else "text that is not JSON"
