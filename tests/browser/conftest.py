import math
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.conftest import ROOT
from tests.console_process import RunningConsole

ARTIFACTS = ROOT / "test-artifacts"
# The share lets the polls come that often, and leaves most of a key's own limit to the tests. Upstream's limits are
# those of the sandbox as `make run` starts it.
QUICK = {"POLL_KEYS_SECONDS": "10", "POLL_REQUESTS_SECONDS": "10", "RATE_LIMIT_SHARE_PERCENT": "30"}


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")
    items.sort(key=lambda item: item.get_closest_marker("spoiling") is not None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call":
        item.failed = report.failed
    return report


# All of the package's scope, not the session's: while Playwright runs, its event loop is this thread's, and
# neither the ORM nor asyncio.run would work in the tests of other folders.
@pytest.fixture(scope="package")
def console(tmp_path_factory, tables):
    """The whole console as `make run` starts it, sandbox and traffic included."""
    running = RunningConsole(tmp_path_factory.mktemp("var"), tables=tables, **QUICK)
    running.start()
    yield running
    running.stop()


def launch(playwright, **options):
    return playwright.chromium.launch(
        executable_path="/usr/bin/chromium",
        args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
        **options,
    )


@pytest.fixture(scope="package")
def playwright():
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="package")
def chromium(playwright):
    browser = launch(playwright)
    yield browser
    browser.close()


@pytest.fixture
def complaints():
    """What the browser complained about: script errors, broken policy, failed loads. Clear it if expected."""
    return []


@pytest.fixture
def page(request, chromium, console, complaints):
    """A fresh browser window; the test fails if the browser complained about anything."""
    context = chromium.new_context(base_url=console.url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    if getattr(request.node, "failed", True) or complaints:
        ARTIFACTS.mkdir(exist_ok=True)
        page.screenshot(path=ARTIFACTS / f"{re.sub(r'[^A-Za-z0-9]+', '-', request.node.name)}.png", full_page=True)
    context.close()
    assert complaints == []


def sign_in(page, email, password):
    """Sign in, and wait until that has led somewhere."""
    page.goto("/accounts/login/")
    page.get_by_label(re.compile("^E-?mail")).fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/accounts/login/" not in url)


class FirstAdmin:
    """The first admin's cookies, from one sign-in for many tests: it takes longer than most of them."""

    # Delicate acts ask for the password again ten minutes after it was given.
    FRESH_SECONDS = 300

    def __init__(self, console):
        self.console, self.cookies, self.signed_in_at = console, [], -math.inf

    def enter(self, page):
        """Give the cookies to the page's context; sign in where that is too long ago, or a test ended the session."""
        if time.monotonic() - self.signed_in_at < self.FRESH_SECONDS:
            page.context.add_cookies(self.cookies)
            if page.request.get("/account/", max_redirects=0).status == 200:
                return
        sign_in(page, self.console.email, self.console.password)
        self.cookies, self.signed_in_at = page.context.cookies(), time.monotonic()


@pytest.fixture(scope="package")
def first_admin(console):
    return FirstAdmin(console)


@pytest.fixture
def signed_in(page, first_admin):
    """The same window, signed in as the first admin; no page is open yet."""
    first_admin.enter(page)
    return page
