import json

import pytest

from troubleshooting.body.validation import MAX_FINDINGS, validate_body
from troubleshooting.checks.request_shape import result_of_body
from troubleshooting.pasted.secrets import remove_secrets

ADA = {"linkedin_url": "https://www.linkedin.com/in/ada"}


def check(**body):
    return validate_body(json.dumps(body))


def only(verdict):
    (finding,) = verdict.findings
    return finding


def test_a_good_body_is_accepted_with_what_it_can_cost():
    verdict = check(contacts=[ADA] * 3, enrichment_type="full", webhook_url="https://hooks.example.com/cleanlist")
    assert (verdict.accepted, verdict.status, verdict.findings) == (True, 200, ())
    assert (verdict.contacts, verdict.enrichment_type, verdict.most_credits) == (3, "full", 33)


@pytest.mark.parametrize(
    ("kind", "most"), [({}, 1), ({"enrichment_type": "none"}, 0), ({"enrichment_type": "phone_only"}, 10)]
)
def test_the_cost_goes_by_the_type(kind, most):
    assert check(contacts=[ADA], **kind).most_credits == most


def test_every_contact_that_cannot_be_identified_is_named_with_what_is_missing():
    named = {"first_name": "Ada", "last_name": "Lovelace"}
    verdict = check(contacts=[ADA, named, {"company_name": "Analytical"}, named | {"company_name": "x"}, {}, "Ada"])
    assert verdict.status == 422
    assert [finding.loc for finding in verdict.findings] == [("body", "contacts", index) for index in (1, 2, 4, 5)]
    told = [finding.message for finding in verdict.findings]
    assert told[0] == "contacts[1] doesn't identify a person: company_domain or company_name is missing or empty."
    assert told[1] == "contacts[2] doesn't identify a person: first_name and last_name are missing or empty."
    assert told[3] == "contacts[5] is text; it must be an object."
    assert verdict.findings[1].fix == "Add first_name and last_name, or linkedin_url instead."


def test_a_value_of_the_wrong_type_is_named_with_its_field():
    finding = only(check(contacts=[ADA, ADA | {"email": 7}]))
    assert finding.loc == ("body", "contacts", 1, "email")
    assert finding.message == "contacts[1].email is a number; it must be text."


@pytest.mark.parametrize(
    ("kind", "words"),
    [("phone", "“phone”"), (None, "null"), (7, "a number"), ("x" * 5000, "a text"), ("Tr0ub4dor-Vexing", "a text")],
)
def test_an_unknown_type_is_named_with_those_that_exist(kind, words):
    verdict = check(contacts=[ADA], enrichment_type=kind)
    assert (verdict.status, verdict.enrichment_type, verdict.most_credits) == (422, "", 0)
    assert only(verdict).message == f"enrichment_type is {words}, which isn't a valid type."
    assert "none, partial, phone_only or full" in only(verdict).fix


def test_more_than_250_contacts_are_counted_in_requests():
    verdict = check(contacts=[ADA] * 601)
    assert (verdict.status, only(verdict).loc) == (400, ("body", "contacts"))
    assert only(verdict).message == "There are 601 contacts; the limit is 250 per request."
    assert only(verdict).fix == "Split them into 3 requests of up to 250 contacts."


def test_no_contacts_at_all_are_refused():
    assert check(contacts=[]).status == 400
    assert only(check(enrichment_type="full")).message == "contacts is missing."


def test_what_upstream_would_only_say_later_is_said_at_once():
    verdict = check(contacts=[{}] + [ADA] * 300, webhook_url="http://127.0.0.1/hook")
    assert verdict.status == 422
    told = [(finding.loc, finding.in_answer) for finding in verdict.findings]
    assert told == [
        (("body", "contacts", 0), True),
        (("body", "contacts"), False),
        (("body", "webhook_url"), False),
    ]


def test_fields_that_upstream_ignores_are_mentioned_once_each():
    verdict = check(contacts=[ADA | {"linkedin": "x"}] * 3, webhook="https://hooks.example.com")
    assert verdict.accepted
    contact, whole = verdict.findings
    assert contact.loc == ("body", "contacts", 0, "linkedin")
    assert contact.message == "“linkedin” isn't a field of a contact. Cleanlist ignores it. It occurs 3 times."
    assert (contact.fix, whole.fix) == ("Did you mean linkedin_url?", "Did you mean webhook_url?")
    assert not contact.in_answer


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("company", "company_name"),
        ("domain", "company_domain"),
        ("linkedin", "linkedin_url"),
        ("firstname", "first_name"),
    ],
)
def test_a_field_with_another_name_is_led_to_the_right_one(name, meant):
    assert only(check(contacts=[ADA | {name: "x"}])).fix == f"Did you mean {meant}?"


def test_values_that_find_nobody_are_mentioned():
    named = {"first_name": "Ada", "last_name": "Lovelace", "company_domain": "https://analytical.example/about"}
    verdict = check(contacts=[{"linkedin_url": "https://example.com/ada"}, named, ADA])
    assert verdict.accepted
    assert "contacts[0]" in verdict.findings[0].message
    assert "contacts[1]" in verdict.findings[1].message


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://hooks.example.com", "doesn't use https"),
        ("https://localhost:8000", "the calling machine"),
        ("https://192.168.1.4/hook", "not a public address"),
        ("https://2130706433/", "not a public address"),
        ("https://[::1]/", "not a public address"),
        ("https://[64:ff9b::a00:1]/", "not a public address"),
        ("https://me:secret@hooks.example.com/", "contains a username"),
        ("https://hooks.example.com/a b", "spaces or non-ASCII characters"),
        ("https://hooks.example.com:99999/", "isn't a valid URL"),
        ("hooks.example.com", "isn't a complete URL"),
        ("", "isn't a complete URL"),
    ],
)
def test_a_webhook_url_that_is_refused_says_why_and_holds_no_password(url, words):
    verdict = check(contacts=[ADA], webhook_url=url)
    assert (verdict.status, only(verdict).loc) == (422, ("body", "webhook_url"))
    assert words in only(verdict).message
    assert "secret" not in only(verdict).message


@pytest.mark.parametrize("url", ["https://crm/hook", "https://crm.internal/hook", "https://hooks.test"])
def test_a_webhook_url_that_is_taken_and_never_works_is_mentioned(url):
    verdict = check(contacts=[ADA], webhook_url=url)
    assert verdict.accepted
    assert "doesn't exist on the public internet" in only(verdict).message


@pytest.mark.parametrize(
    ("text", "place", "fix"),
    [
        ('{"contacts": [\n  {"linkedin_url": "x"},\n]}', "line 3, column 1", "comma before the closing bracket"),
        ("{'contacts': []}", "line 1, column 2", "double quotes"),
        ("{“contacts”: []}", "line 1, column 2", "curly"),
        ('{"contacts": None}', "line 1, column 14", "lowercase"),
        ('{"contacts": [] "x": 1}', "line 1, column 17", "missing comma"),
        ('{"contacts": []', "line 1, column 16", "missing at the end"),
        ('{"contacts": []}{}', "line 1, column 17", "one JSON object"),
        ("// a comment\n{}", "line 1, column 1", "comment"),
    ],
)
def test_json_that_does_not_parse_is_explained_where_it_breaks(text, place, fix):
    verdict = validate_body(text)
    assert verdict.status == 422
    assert place in only(verdict).message
    assert fix in only(verdict).fix


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("", 422, "is empty"),
        ("[]", 422, "is an array"),
        ("[" * 100_000, 400, "nested"),
        ('{"contacts": ' + "9" * 5000 + "}", 400, "thousands of digits"),
        ("x" * 3_000_000, 413, "3.0 MB"),
    ],
)
def test_what_is_no_body_at_all_is_refused(text, status, words):
    verdict = validate_body(text)
    assert (verdict.accepted, verdict.status) == (False, status)
    assert words in only(verdict).message


def test_findings_are_bounded():
    verdict = check(contacts=[{}] * 100_000)
    assert (verdict.contacts, verdict.refused) == (100_000, 100_000)
    assert len(verdict.findings) == MAX_FINDINGS + 1  # and that there are too many


def test_names_that_somebody_chose_are_made_fit_for_sentences():
    verdict = check(contacts=[ADA | {"\u202e\x00\ud800" + "x" * 5000: 1}])
    assert not set(only(verdict).message) & set("\u202e\x00\ud800")
    assert len(only(verdict).message) < 200


def test_an_email_alone_is_said_to_identify_no_one():
    finding = only(check(contacts=[{"email": "ada@example.org"}]))
    assert finding.message.startswith("contacts[0] has an email, which alone doesn't identify a person: first_name and")


def test_a_login_in_the_webhook_url_is_called_so_once_it_was_taken_out():
    url = remove_secrets("https://cl:Tr0ubador9@hooks.acme.dev/in").text
    assert only(check(contacts=[ADA], webhook_url=url)).message == "webhook_url contains a username."


@pytest.mark.parametrize(
    ("body", "title"),
    [
        ({"contacts": [{"linkedin_url": "https://www.linkedin.com/company/acme"}]}, "is the URL of a company"),
        ({"contacts": [ADA], "type": "full"}, "“type” isn't a field of the body"),
        ({"contacts": [ADA], "callback_url": "https://hooks.acme.dev/in"}, "“callback_url” isn't a field of the body"),
    ],
)
def test_what_a_valid_body_does_not_do_is_in_the_title(body, title):
    result = result_of_body(validate_body(json.dumps(body)))
    assert (result.state, title in result.title) == ("warning", True)
