"""The IP address of a request's sender."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


def client_ip(request: HttpRequest) -> str | None:
    """Return the client's IP address in its shortest form, or None if it is not known.

    Each proxy appends the IP address of its caller to X-Forwarded-For. With TRUSTED_PROXY_COUNT proxies of our own, the
    entry that many from the right is the leftmost one that a client cannot forge.
    """
    address = request.META.get("REMOTE_ADDR", "")
    if count := settings.TRUSTED_PROXY_COUNT:
        forwarded = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
        address = forwarded[-count] if len(forwarded) >= count else ""
    try:
        return str(ip_address(address))
    except ValueError:
        return None
