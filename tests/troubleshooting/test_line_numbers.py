import json

import pytest

from troubleshooting.body.text import find_lines
from troubleshooting.body.validation import validate_body

BODY = """{
  "contacts": [
    {"linkedin_url": "x"}, 7,
    {
      "first_name": "Ada",
      "email": 5
    },
    {},
    {"linkedin": "x"}
  ],

  "enrichment_type": "quick"
}"""


def told(text):
    findings = validate_body(text).findings
    return dict(zip([finding.loc[1:] for finding in findings], find_lines(text, findings), strict=True))


def test_each_finding_knows_its_line():
    lines = told(BODY)
    assert lines["contacts", 1] == 3
    assert lines["contacts", 2, "email"] == 6
    assert lines["contacts", 3] == 8
    assert lines["contacts", 4, "linkedin"] == 9
    assert lines["enrichment_type",] == 12


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_json_that_breaks_off_is_pointed_to(newline):
    text = newline.join(['{"contacts": [', '  {"linkedin_url": "x"},', "]}"])
    assert list(told(text).values()) == [3]


@pytest.mark.parametrize("text", ["", "[]", "7", '{"enrichment_type": "full"}', "[" * 50_000, "\x00{"])
def test_what_is_not_there_has_no_line(text):
    assert list(told(text).values()) in ([None], [1])


def test_a_byte_order_mark_and_a_name_given_twice_change_nothing():
    text = '\ufeff{"contacts": [{"linkedin_url": "x"}],\n"contacts": [\n{}]}'
    assert told(text) == {("contacts", 0): 3}


def test_a_field_that_is_not_there_is_looked_for_in_its_contact():
    text = json.dumps({"contacts": [{"linkedin_url": "x"}, {"linkedin_url": "\ud800"}]}, indent=1)
    assert told(text)["contacts", 1, "linkedin_url"] == 7
