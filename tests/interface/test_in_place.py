"""Every form that acts either does so in place, or is here with the reason why it opens a page."""

import re

import pytest

from tests.conftest import ROOT

TEMPLATES = ROOT / "templates"
FORM = re.compile(r"<form\b(?:\{%.*?%\}|\{\{.*?\}\}|[^>])*>", re.DOTALL)
OPENS_A_PAGE = {
    "account/": "signing in and passwords: the page after it is another one",
    "mfa/": "second factors: another page, or a passkey prompt",
    "workspaces/invitation_case.html": "an account begins or ends: nothing of the old page may stay",
    "components/user_menu.html": "signs out, or opens the overview",
    "components/sandbox_menu.html": "opens the overview, with a notice that has a link",
    "components/filters/export.html": "a file",
    "webhooks/redelivery.html": "a file",
    "webhooks/workflow/result_actions.html": "a file",
    "troubleshooting/": "pasted text is cleaned by a script that belongs to the page; files",
    "usage/history.html": "a file is uploaded, and what it would do is another page",
    "usage/parts/import_preview.html": "leads to another page",
    "keys/created.html": "sent by a script",
    "keys/new.html": "the secret is a page that nothing keeps",
    "keys/revoke.html": "the dialog swaps itself; without it the outcome is another page",
    "keys/revoke_all.html": "the outcome is another page",
    "webhooks/check.html": "the check is another page",
    "webhooks/check_result.html": "the check is another page",
    "webhooks/list/look_up.html": "the workflow is another page",
    "webhooks/unknown.html": "the workflow is another page",
    "webhooks/redeliver.html": "the redelivery is another page",
    "workspaces/connect.html": "the new workspace is another page",
    "workspaces/confirm.html": "without the dialog, the page that it returns to is another one",
    "alerts/unsubscribe.html": "for people who are not signed in",
    "config/design/": "samples",
}


def post_forms():
    for path in sorted(TEMPLATES.rglob("*.html")):
        name = str(path.relative_to(TEMPLATES))
        yield from ((name, form) for form in FORM.findall(path.read_text()) if 'method="post"' in form)


def test_forms_act_in_place_unless_they_open_a_page():
    left = {
        name
        for name, form in post_forms()
        if "data-in-place" not in form and "hx-post" not in form and not name.startswith(tuple(OPENS_A_PAGE))
    }
    assert left == set()


@pytest.mark.parametrize("place", OPENS_A_PAGE)
def test_no_exception_outlives_its_form(place):
    assert any(name.startswith(place) for name, form in post_forms() if "data-in-place" not in form)
