"""What clients, generators and people make of the same few problems: each is named, and nothing right is accused.

``pastes.json`` holds texts as client libraries, generators of code and tools write them; the key in them is made up.
"""

import json
from pathlib import Path

import pytest

from troubleshooting.body.validation import validate_body
from troubleshooting.pasted.headers import GOOD
from troubleshooting.pasted.recognizer import recognize
from troubleshooting.pasted.secrets import remove_secrets

from .test_secret_net import in_browser, parts_of  # noqa: F401

KEY = "clapi_9QxT4mVb-7LrKd2_pWzYhNs8EjUcAo3GfIi6RtXvBq1MnHyPlSe5OwDkZuJaCgFb"
PASTES = json.loads(Path(__file__).with_name("pastes.json").read_text())
BY_NAME = {one["name"]: one for one in PASTES}
# What else may be said of each, beside what is expected of its text.
NOT_UNDERSTOOD = {"apollo err", "dropcontact err"}
PLAIN = {
    "uuid workflow no prefix": ("workflow", ()),
    "powershell err 401": ("unauthorized", ()),
    "base64 basic": ("unauthorized", ("basic",)),
    "Token scheme": ("unauthorized", ("scheme",)),
}


def is_incomplete_contact(found):
    verdict = validate_body(found.body)
    return verdict.status == 422 and "doesn't identify a person" in verdict.findings[0].message


def is_right(found, expect, name):
    """Return whether what was found is what a person would want to hear."""
    case = found.case
    slips = set(case.slips) - {GOOD}
    if "the header is right" in expect:
        return not slips and ("second contact" not in expect or is_incomplete_contact(found))
    if expect.startswith("said plainly"):
        topic, expected = PLAIN.get(name, ("", ()))
        return (case.topic, case.slips) == (topic, expected)
    if expect.startswith("the body"):
        return (
            not slips
            and case.topic == "shape"
            and (case.status == 422 or "'detail'" in BY_NAME[name]["text"] or is_incomplete_contact(found))
        )
    if expect == "no JSON content type":
        return "content_type" in found.notes and not slips
    topics = {
        "the key is in X-API-Key": ("unauthorized", {"x_api_key"}),
        "the word Bearer is missing": ("unauthorized", {"no_bearer"}),
        "401": ("unauthorized", set()),
        "429": ("rate_limited", set()),
        "402: out of credits": ("credits", set()),
        "422: the body": ("shape", set()),
        "Cleanlist or the network: not the request": ("upstream", set()),
        "called from a browser (CORS)": ("cors", set()),
        "method not allowed": ("method", set()),
        "a key: taken out": ("unauthorized", set()),
        "a key: taken out, whatever is around it": ("unauthorized", set()),
    }
    return (case.topic, slips) == topics[expect]


@pytest.mark.parametrize("name", BY_NAME)
def test_the_cause_is_named_and_nothing_right_is_accused(name, workspace):
    paste = BY_NAME[name]
    found = recognize(remove_secrets(paste["text"]).text, workspace)
    assert is_right(found, paste["expect"], name), (paste["expect"], found)


def test_no_part_of_a_secret_is_left_of_any(in_browser):  # noqa: F811
    for paste in PASTES:
        left = remove_secrets(paste["text"]).text
        assert in_browser(paste["text"]) == left
        assert not [part for part in parts_of(KEY) if part in left], paste["name"]


def test_no_part_of_a_secret_is_in_an_address(workspace):
    for paste in PASTES:
        query = recognize(remove_secrets(paste["text"]).text, workspace).case.query
        assert not [part for part in parts_of(KEY) if part in query], paste["name"]


# What generators of code wrote of our own requests; generate_pastes.mjs, beside it, made them.
GENERATED = json.loads(Path(__file__).with_name("generated.json").read_text())


def test_what_generators_write_is_understood_and_nothing_right_is_accused(workspace):
    missed, accused = [], []
    for one in GENERATED:
        left = remove_secrets(one["text"]).text
        assert not [part for part in parts_of(KEY) if part in left], one["name"]
        found = recognize(left, workspace)
        slips, expected = set(found.case.slips) - {GOOD}, {one["cause"]} - {GOOD}
        has_cause = slips == expected and (not found.body or is_incomplete_contact(found))
        is_bulk = "first_name" in one["text"]
        if slips - expected:
            accused.append(one["name"])
        if not has_cause or (is_bulk and not found.body):
            missed.append(one["name"])
    assert accused == []
    assert len(GENERATED) > 160
    assert len(missed) <= len(GENERATED) * 0.05, missed
