"""One request by one person, after which everything is as it was."""

from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlencode

from django.core.cache import cache
from django.db import transaction
from django.test import Client

from .addresses import address_of
from .signing_in import sign_in
from .url_table import sent_to
from .world import everything


@dataclass
class Answer:
    status: str
    changed: bool
    calls: list[str]
    response: object


@contextmanager
def undone():
    """Take back whatever the block writes."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def ask(world, who, name, method, *, minutes_ago=0, names=None):
    """Send one request as ``who`` and say what it led to."""
    names = names or world.names
    client = Client(raise_request_exception=False)
    with undone():
        if who != "out":
            sign_in(client, world.people[who], minutes_ago=minutes_ago)
        cache.clear()  # no rate limit of the request before
        before = everything()
        world.upstream.calls.clear()
        response = client.generic(method, *_body(method, address_of(name, names), sent_to(name, names)))
        if response.streaming:
            list(response.streaming_content)
        return Answer(_status(response), everything() != before, list(world.upstream.calls), response)


def _body(method, url, form):
    if method == "GET":
        return (url,)
    return (url, urlencode(form), "application/x-www-form-urlencoded")


def _status(response):
    to_sign_in = response.status_code == 302 and response["Location"].startswith("/accounts/login/?next=")
    return "in" if to_sign_in else str(response.status_code)
