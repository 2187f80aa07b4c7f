"""The least that a page of this console can be, to measure pages beside it.

A bare page looks up who asks and whether they may, as every page does, sends the same SELECTs through a cursor, throws
the rows away, and renders the same template in the same layout, with what the real view gave it. What is left of the
difference is the view's own work: querysets, models, forms, limits of time. "Naked" is all statements and the template
outside of any request: no client, URL, middleware, session, or permission.
"""

import re
import time
from dataclasses import dataclass

from django.db import connection
from django.shortcuts import render
from django.template import Context, loader
from django.test.utils import CaptureQueriesContext
from django.urls import path, reverse

import config.urls
from workspaces.access import get_workspace

ROUNDS = 15
# What the layout adds to a page's context, by context processors; the bare page has its own.
BY_LAYOUT = {"True", "False", "None", "block", "request", "csrf_token", "user", "perms", "messages"}
BY_LAYOUT |= {"DEFAULT_MESSAGE_LEVELS", "console", "firing"}


def milliseconds(*works):
    """Return the best time of each; they take turns, so that what else the machine does falls on all alike."""
    times = [[] for _ in works]
    for _ in range(ROUNDS + 2):
        for work, found in zip(works, times, strict=True):
            began = time.perf_counter()
            work()
            found.append((time.perf_counter() - began) * 1000)
    return [min(found[2:]) for found in times]


class Bare:
    """What the bare page sends and renders; the view of ``bare/`` does that, and nothing else."""

    statements, template, context = [], "", {}


def bare_page(request, slug):
    get_workspace(request, slug)
    send(Bare.statements)
    return render(request, Bare.template, Bare.context)


def send(statements):
    with connection.cursor() as cursor:
        for sql in statements:
            cursor.execute(sql)
            cursor.fetchall()


urlpatterns = [path("w/<slug:slug>/bare/", bare_page, name="bare"), *config.urls.urlpatterns]


def statements_of(client, url):
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(url)
    assert answer.status_code == 200, url
    selects = [one["sql"] for one in list(queries.captured_queries) if one["sql"].startswith("SELECT")]
    return answer, [sql.replace("%", "%%") for sql in selects]


def timeless(sql):
    """Return ``sql`` without the moments in it, so that it can be recognized a second later."""
    return re.sub(r"'20\d\d-[^']*'", "", sql)


def make_bare(client, answer, statements, url):
    """Have the bare page be that of ``answer``, and return the work of its statements and template without Django."""
    whole = Context(answer.context[0].flatten())
    whole.request = answer.wsgi_request
    template = loader.get_template(answer.templates[0].name).template
    Bare.template = answer.templates[0].name
    Bare.context = {name: value for name, value in answer.context[0].flatten().items() if name not in BY_LAYOUT}
    Bare.statements = []
    _, of_layout = statements_of(client, url)
    known = set(map(timeless, of_layout))
    Bare.statements = [sql for sql in statements if timeless(sql) not in known]
    assert len(Bare.statements) + len(of_layout) == len(statements)

    def work():
        send(statements)
        template.render(whole)

    return work


@dataclass(frozen=True)
class Compared:
    """Milliseconds of a page and of what it is compared with, and its SELECTs."""

    queries: int
    page: float
    bare: float
    naked: float


def compare(client, url, workspace):
    """Measure the page at ``url`` beside a bare one; the settings' ROOT_URLCONF must be this module."""
    answer, statements = statements_of(client, url)
    bare_url = reverse("bare", args=[workspace.slug])
    naked = make_bare(client, answer, statements, bare_url)
    return Compared(len(statements), *milliseconds(lambda: client.get(url), lambda: client.get(bare_url), naked))
