"""What a request tells about who sent it."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


def client_ip(request: HttpRequest) -> str | None:
    """Return the address of the person's machine, in its shortest form, or None where it cannot be known.

    Each proxy appends the address that it was called from to X-Forwarded-For, so with TRUSTED_PROXY_COUNT
    proxies of our own the entry that many from the right is the first that nobody outside could have written.
    """
    address = request.META.get("REMOTE_ADDR", "")
    if count := settings.TRUSTED_PROXY_COUNT:
        forwarded = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
        address = forwarded[-count] if len(forwarded) >= count else ""
    try:
        return str(ip_address(address))
    except ValueError:
        return None
