"""What clients, generators and people make of the same few problems: each is named, and nothing right is accused.

``pastes.json`` holds texts as client libraries, generators of code and tools write them; the key in them is made up.
"""

import itertools
import json
from pathlib import Path

import pytest

from troubleshooting.body.validation import validate_body
from troubleshooting.mistakes import GOOD
from troubleshooting.pasted import statuses
from troubleshooting.pasted.recognizer import recognize
from troubleshooting.pasted.secrets import remove_secrets

from .test_secret_net import in_browser, parts_of  # noqa: F401

KEY = "clapi_9QxT4mVb-7LrKd2_pWzYhNs8EjUcAo3GfIi6RtXvBq1MnHyPlSe5OwDkZuJaCgFb"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1c2VyIn0.c2lnbmF0dXJl"
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


OF_NETWORK = dict.fromkeys(("requests refused", "curl refused"), "not_listening")
OF_NETWORK |= {"make connection": "unreachable", "n8n timeout": "client_timeout"}


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
    topic, expected = topics[expect]
    return (case.topic, slips) == (OF_NETWORK.get(name, topic), expected)


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


# What automation tools, API clients, configuration files and logs show, after the forms that their documents describe.
TOOLS = {one["name"]: one for one in json.loads(Path(__file__).with_name("tools.json").read_text())}
SAID = {
    "401": ("unauthorized", {401}),
    "402: out of credits": ("credits", {402, None}),
    "429": ("rate_limited", {429}),
    "422: the body": ("shape", {422}),
    "400: the request": ("refused", {400}),
    "not JSON": ("shape", {None}),
    "Cleanlist or the network: not the request": ("upstream", {None, 503}),
}
SLIPS = {
    "the header is right": set(),
    "the key is in X-API-Key": {"x_api_key"},
    "the word Bearer is missing": {"no_bearer"},
    "basic": {"basic"},
}


@pytest.mark.parametrize("name", TOOLS)
def test_what_tools_show_is_understood_and_nothing_right_is_accused(name, workspace):
    expect, left = TOOLS[name]["expect"], remove_secrets(TOOLS[name]["text"]).text
    found = recognize(left, workspace)
    slips = set(found.case.slips) - {GOOD}
    assert not [part for secret in (KEY, TOKEN) for part in parts_of(secret) if part in left + found.case.query]
    if expect in SAID:
        topic, statuses = SAID[expect]
        assert (found.case.topic, slips) == (OF_NETWORK.get(name, topic), set())
        assert found.case.status in statuses
    elif expect in SLIPS:
        assert (slips, found.case.topic) == (SLIPS[expect], "unauthorized")
    else:
        assert is_incomplete_contact(found) if expect == "the body" else found.case.heard == "key"


def test_what_tools_show_loses_its_secrets_in_the_browser_too(in_browser):  # noqa: F811
    for name, paste in TOOLS.items():
        assert in_browser(paste["text"]) == remove_secrets(paste["text"]).text, name


ALIASES = "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in itertools.pairwise("abcdefghij")
)


@pytest.mark.parametrize(
    "more",
    [
        f"a: &a [1]\n{ALIASES}",
        f"a: {'[' * 9000}",
        "2026-11-27: x",
        "? [a]\n: b",
        f"a: {'9' * 9000}",
        "a: !!python/none x",
    ],
    ids=["aliases", "depth", "date", "list", "digits", "tag"],
)
def test_yaml_of_any_form_is_read_or_left(more, workspace):
    text = f"url: https://api.cleanlist.ai/api/v1/public/credits/balance\nheaders:\n  X-API-Key: x\n{more}"
    assert recognize(text, workspace).case.slips in {("x_api_key",), ()}


def test_a_part_of_a_workflow_id_is_no_status():
    assert statuses.find_status("public_bulk_6f3d2c1b-a501-4c8d-b7a6-5f4e3d2c1b0a") is None
    assert statuses.find_status("we got a 401 from it") == 401
