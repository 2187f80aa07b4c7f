"""One request by one person, after which everything is as it was."""

import re
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlencode

from django.apps import apps
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client

from .sign_in import sign_in
from .url_names import url_for
from .url_table import sent_to
from .world import PASSING, everything


@dataclass
class ProbeResponse:
    status: str
    changed: bool
    calls: list[str]
    response: object


@contextmanager
def rolled_back():
    """Take back whatever the block writes."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


class DatabaseWrites:
    """Whether the block changed anybody's data: ``found``, once it has ended.

    Most requests write nothing, so everything is read only when a statement comes that might write, and at the end.
    """

    READING = ("SELECT", "SAVEPOINT", "RELEASE", "ROLLBACK", "PRAGMA")
    WRITING = re.compile(r'(?:INSERT INTO|UPDATE|DELETE FROM) "(\w+)"')

    def __enter__(self):
        self.before = None
        self._watch = connection.execute_wrapper(self._note)
        self._watch.__enter__()
        return self

    def __exit__(self, *failure):
        self._watch.__exit__(*failure)
        self.found = self.before is not None and everything() != self.before

    def _note(self, execute, sql, *rest):
        if self.before is None and not sql.startswith(self.READING) and not self._passes(sql):
            self.before = everything()
        return execute(sql, *rest)

    def _passes(self, sql):
        written = self.WRITING.match(sql)
        return written is not None and written[1] in {apps.get_model(label)._meta.db_table for label in PASSING}


def probe(world, who, name, method, *, minutes_ago=0, names=None):
    """Send one request as ``who`` and say what it led to."""
    names = names or world.names
    client = Client(raise_request_exception=False)
    with rolled_back():
        if who != "out":
            sign_in(client, world.people[who], minutes_ago=minutes_ago)
        cache.clear()  # no rate limit of the request before
        world.upstream.calls.clear()
        with DatabaseWrites() as changes:
            response = send_request(client, world, name, method, names)
        return ProbeResponse(_status(response), changes.found, list(world.upstream.calls), response)


def send_request(client, world, name, method, names=None):
    """Send what the table has for this address, and read the answer to its end."""
    names = names or world.names
    response = client.generic(method, *_body(method, url_for(name, names), form_for(method, name, names)))
    if response.streaming:
        list(response.streaming_content)
    return response


def form_for(method, name, names):
    """Return what is sent: a page is asked for as links do, unless its row is about what is sent."""
    return sent_to(name, names) if method != "GET" or "#" in name else {}


def _body(method, url, form):
    if method == "GET":
        return (f"{url}?{urlencode(form, doseq=True)}",)
    return (url, urlencode(form, doseq=True), "application/x-www-form-urlencoded")


def _status(response):
    to_sign_in = response.status_code == 302 and response["Location"].startswith("/accounts/login/?next=")
    return "in" if to_sign_in else str(response.status_code)
