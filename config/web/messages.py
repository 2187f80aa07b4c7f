"""Stores messages for the next page."""

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage


class _Cookie(CookieStorage):
    # Named like the other cookies: over HTTPS no neighbour of this host can plant one.
    cookie_name = "__Host-messages" if settings.SESSION_COOKIE_SECURE else "messages"


class MessageStorage(FallbackStorage):
    """Stores messages in a signed cookie, or in the session if they are too long for it."""

    storage_classes = (_Cookie, SessionStorage)
