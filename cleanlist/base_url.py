"""Validates base URLs that people type."""

from functools import lru_cache

import httpx


@lru_cache(maxsize=1024)  # a client is created for each call, and there are few base URLs
def checked_base_url(text: str) -> str:
    """Return a base URL without its trailing slash.

    Raises `ValueError`, with a message for the person who typed it, unless it is an http(s) URL with a host and without
    user name, query or fragment. The message does not repeat the text, since a mistyped URL may contain a password.
    """
    try:
        url = httpx.URL(text.strip())
    except (httpx.InvalidURL, UnicodeError):
        raise ValueError("The API address is not a valid URL") from None
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError("The API address must start with https:// or http:// and name a host")
    if url.userinfo:
        raise ValueError("The API address must not hold a user name or password")
    if url.query or url.fragment or "?" in text or "#" in text:
        raise ValueError("The API address must end after the path, without ? or #")
    return str(url).rstrip("/")
