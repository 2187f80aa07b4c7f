"""A visitor who follows every link and sends every form, in each role: nothing breaks, nothing leaks."""

import re
from collections import Counter
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client

from tests.fixtures import API_KEY, PASSWORD

from .hostile_upstream import ATTACKS
from .sign_in import sign_in
from .world import CLIENT_TOKEN, everything

pytestmark = pytest.mark.django_db
MOST_PAGES, MOST_VISITS = 250, 6
FORMS_THAT_END_THE_WALK = {"/accounts/logout/"}
VALUES = {
    "empty": lambda _: "",
    "likely": lambda field: {"email": "guest@example.test", "number": "1", "date": "2026-01-02"}.get(
        field["type"], "x"
    ),
    "hostile": lambda _: ATTACKS["script"] + ATTACKS["control"],
}


class Page(HTMLParser):
    """Links, forms and anything inline of one HTML page."""

    def __init__(self, url, text):
        super().__init__()
        self.url, self.links, self.forms, self.inline, self.foreign = url, set(), [], [], []
        self._open_script = self._form = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = {name: value or "" for name, value in attrs}
        self.inline += [name for name in given if name.startswith("on") or name in {"style", "hx-on"}]
        if tag == "style":
            self.inline.append(tag)
        if tag == "script" and "src" not in given and given.get("type") != "application/json":
            self.inline.append("script")
        self._follow(tag, given)
        self._collect(tag, given)

    def _follow(self, tag, given):
        for name in ("href", "src", "action", "hx-get", "hx-post"):
            target = urljoin(self.url, given[name]) if name in given else ""
            if target and urlsplit(target).netloc not in {"", "testserver"}:
                self.foreign.append((tag, target))
            elif target and (name == "hx-get" or (tag == "a" and name == "href")):
                self.links.add(target.partition("#")[0])

    def _collect(self, tag, given):
        if tag == "form":
            target = urljoin(self.url, given.get("action") or self.url)
            self._form = {"method": given.get("method", "get").lower(), "action": target, "fields": []}
            self.forms.append(self._form)
        elif tag in {"input", "textarea", "select", "button"} and self._form and given.get("name"):
            self._form["fields"].append({"type": tag, **given})

    def handle_endtag(self, tag):
        if tag == "form":
            self._form = None


class Visitor:
    """Walks the console as one person and looks at every answer."""

    def __init__(self, world, who):
        self.client = sign_in(Client(raise_request_exception=False), world.people[who])
        self.who, self.seen, self.visits, self.forms = who, set(), Counter(), {}

    def walk(self, start="/"):
        waiting = [start]
        while waiting and len(self.seen) < MOST_PAGES:
            url = waiting.pop(0)
            shape = re.sub(r"[0-9a-f-]{36}|\d+", "N", url)
            # Filters can be combined without end; a few combinations show what a page does with them.
            path = shape.partition("?")[0]
            if shape in self.seen or self.visits[path] == MOST_VISITS:
                continue
            self.visits[path] += 1
            self.seen.add(shape)
            page = self.look(url, self.client.get(url))
            if page:
                waiting += sorted(page.links)
                for form in page.forms:
                    self.forms.setdefault((form["method"], urlsplit(form["action"]).path), form)

    def look(self, url, response):
        assert response.status_code < 500, f"{self.who}: {url}"
        if not response.headers.get("Content-Type", "").startswith("text/html"):
            return None
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        text = response.getvalue().decode()
        for secret in (API_KEY, CLIENT_TOKEN, PASSWORD):
            assert secret not in text, f"{self.who}: {url}"
        if self.who != "admin":
            assert "Other Works" not in text, f"{self.who}: {url}"
            assert "other-works" not in text, f"{self.who}: {url}"
        page = Page(url, text)
        # An email as mail programs draw it has its styles with it; its own policy allows these, and nothing else.
        allowed = {"style"} if "sandbox" in policy else set()
        assert not set(page.inline) - allowed, f"{url}: {page.inline}"
        assert not [found for found in page.foreign if found[0] != "a"], f"{url}: {page.foreign}"
        return page

    def send(self, form, kind, client=None):
        data = {
            field["name"]: field.get("value") if field.get("type") in {"hidden", "button"} else VALUES[kind](field)
            for field in form["fields"]
            if field["name"] != "csrfmiddlewaretoken"
        }
        client = client or self.client
        return getattr(client, form["method"])(form["action"], {name: value or "" for name, value in data.items()})


# A viewer's and an operator's forms are among an owner's. An admin has twice as many, so each kind is a test.
WALKS = [("viewer", ["likely"]), ("operator", ["likely"]), ("owner", VALUES), *(("admin", [kind]) for kind in VALUES)]


@pytest.mark.parametrize(("who", "kinds"), WALKS)
def test_every_link_leads_somewhere_and_every_form_answers_and_wants_its_token(world, who, kinds):
    visitor = Visitor(world, who)
    visitor.walk()
    assert 8 < len(visitor.seen) < MOST_PAGES
    assert len(visitor.forms) > 3
    if who == "admin":  # whose forms are everybody's; a token is wanted before anybody asks whose it is
        refuse_without_token(visitor, world)
    for (_, path), form in sorted(visitor.forms.items(), key=lambda item: "remove" in item[0][1]):
        if path in FORMS_THAT_END_THE_WALK:
            continue
        for kind in kinds:
            response = visitor.send(form, kind)
            visitor.look(f"{kind} to {path}", response)
            if SESSION_KEY not in visitor.client.session:  # the form has ended it
                sign_in(visitor.client, world.people[who])


def refuse_without_token(visitor, world):
    strict = sign_in(Client(enforce_csrf_checks=True), world.people[visitor.who])
    before = everything()
    commands = [form for (method, _), form in visitor.forms.items() if method == "post"]
    assert commands
    for form in commands:
        assert visitor.send(form, "likely", strict).status_code == 403, form["action"]
    assert everything() == before
