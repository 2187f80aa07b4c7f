"""Requests as people write them in many languages: no right one is accused, and the causes of wrong ones are named.

In ``handwritten.txt`` each has its name and what is wrong with it: "good", a mistake's name, or "none" where nothing is
to be said of it.
"""

import re
from pathlib import Path

import pytest

from troubleshooting.body.validation import validate_body
from troubleshooting.mistakes import GOOD
from troubleshooting.pasted.recognizer import CONTENT_TYPE, recognize
from troubleshooting.pasted.secrets import remove_secrets

from .test_pastes import KEY

API = "https://api.cleanlist.ai/api/v1/public"
WRITTEN = Path(__file__).with_name("handwritten.txt").read_text()
PARTS = re.findall(r"^=== (.*?) \| (\S+)\n(.*?)(?=^=== |\Z)", WRITTEN, re.MULTILINE | re.DOTALL)
REQUESTS = {name: (cause, text.replace("@API", API).replace("@KEY", KEY)) for name, cause, text in PARTS}
OF_TOPIC = {"method": "method", "not_found": "path"}


def causes_of(text, workspace):
    """Return the names of everything that is called wrong with a request."""
    found = recognize(remove_secrets(text).text, workspace)
    causes = {*found.case.slips, *found.notes} - {GOOD}
    if found.case.topic in OF_TOPIC:
        causes.add(OF_TOPIC[found.case.topic])
    verdict = validate_body(found.body, is_filled=found.is_filled) if found.body else None
    if verdict and not verdict.accepted and CONTENT_TYPE not in found.notes:
        causes.add("body")
    return causes, found.case


@pytest.mark.parametrize("name", REQUESTS)
def test_the_cause_is_named_and_nothing_right_is_accused(name, workspace):
    cause, text = REQUESTS[name]
    causes, case = causes_of(text, workspace)
    assert causes == {cause} - {"good", "none"}, case
    assert case.status is None
    if cause == "good":
        assert GOOD in case.slips or case.is_unknown
