"""Bodies in other formats, or wrapped, are named for what they are; where it is sure what was meant, it can be had."""

import json

import pytest
from django.urls import reverse

from troubleshooting.body.validation import validate_body
from troubleshooting.pasted.recognizer import recognize

from .conftest import words

ADA = {"first_name": "Ada", "last_name": "Byron", "company_domain": "example.com"}
BODY = {"enrichment_type": "full", "contacts": [ADA]}
TEXT = json.dumps(BODY)
PROFILE = "https://www.linkedin.com/in/ada"
LINKED = {"linkedin_url": PROFILE}
# What was pasted, what is said of it, and the body that was meant; None where nobody can tell.
FORMS = [
    (repr(BODY), "Python dict", BODY),
    (repr(BODY | {"webhook_url": None}), "Python dict", BODY | {"webhook_url": None}),
    (
        "{contacts: [{first_name: 'Ada', last_name: 'Byron', company_domain: 'example.com'},],}",
        "JavaScript",
        {"contacts": [ADA]},
    ),
    (
        '{"contacts": [{"linkedin_url": undefined, "email": "a@example.com"}]}',
        "undefined",
        {"contacts": [{"linkedin_url": None, "email": "a@example.com"}]},
    ),
    (TEXT.replace('"', "\u201d"), "curly", BODY),
    (TEXT.replace(" ", "\u00a0"), "non-breaking", BODY),
    (json.dumps(TEXT), "twice", BODY),
    (json.dumps(json.dumps([ADA])), "twice", {"contacts": [ADA]}),
    (json.dumps([ADA]), "an array; it must be an object", {"contacts": [ADA]}),
    (json.dumps([{"json": ADA}, {"json": ADA}]), "n8n", {"contacts": [ADA, ADA]}),
    (json.dumps([{"json": BODY}]), "n8n", BODY),
    (json.dumps({"data": BODY}), "wrapped", BODY),
    (json.dumps({"json": BODY}), "wrapped", BODY),
    (json.dumps(ADA), "single contact", {"contacts": [ADA]}),
    (json.dumps(BODY | {"contacts": json.dumps([ADA])}), "contacts is JSON text", BODY),
    (json.dumps(BODY | {"contacts": {"0": ADA, "2": ADA}}), "PHP", BODY | {"contacts": [ADA, ADA]}),
    (json.dumps(BODY | {"contacts": ADA}), "it must be an array", BODY),
    (f"{json.dumps(ADA)}\n{json.dumps(ADA)}\n", "JSON Lines", {"contacts": [ADA, ADA]}),
    (
        "contacts[0][first_name]=Ada&contacts[0][last_name]=Byron&contacts[0][company_domain]=example.com",
        "form data",
        {"contacts": [ADA]},
    ),
    ("enrichment_type=full&contacts=%5Bobject+Object%5D", "form data", None),
    ("First name,Last name,Domain\nAda,Byron,example.com\n", "CSV", {"contacts": [ADA]}),
    ("first_name;last_name;company_domain\nAda;Byron;example.com", "CSV", {"contacts": [ADA]}),
    *(
        (json.dumps({name: [PROFILE]}), "is a list of URLs", {"contacts": [LINKED]})
        for name in ("contacts", "linkedin_urls", "urls")
    ),
    *((json.dumps({name: [ADA]}), f"“{name}”", {"contacts": [ADA]}) for name in ("leads", "people", "persons", "rows")),
    (json.dumps({"leads": [{"linkedinUrl": PROFILE}]}), "must be named contacts", {"contacts": [LINKED]}),
    *(
        (json.dumps({"contacts": [{name: PROFILE}]}), "named linkedin_url", {"contacts": [LINKED]})
        for name in ("linkedinUrl", "linkedin", "LinkedIn URL", "profileUrl")
    ),
    (
        '{"contacts": [{"firstName": "Ada", "lastName": "Byron", "companyDomain": "example.com"}]}',
        "“firstName” must be named first_name and “lastName” must be named last_name",
        {"contacts": [ADA]},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("pasted", "said", "meant"), FORMS)
def test_a_body_of_another_form_is_named_and_repaired(pasted, said, meant):
    verdict = validate_body(pasted)
    assert verdict.status == 422
    assert said in verdict.findings[0].message
    assert (json.loads(verdict.repaired) if verdict.repaired else None) == meant
    if meant and meant["contacts"][0] == ADA:
        assert validate_body(verdict.repaired).status == 200


@pytest.mark.parametrize("pasted", [form[0] for form in FORMS] + [f"\ufeff{TEXT}", f"```json\n{TEXT}\n```"])
def test_the_field_for_anything_takes_it_for_a_body_too(pasted, workspace):
    found = recognize(pasted, workspace)
    assert (found.case.topic, found.case.heard) == ("shape", "body")
    assert found.body


def test_a_page_of_another_service_s_contacts_is_no_body(workspace):
    found = recognize(json.dumps({"people": [ADA], "pagination": {"page": 1}}), workspace)
    assert not found.body


def test_another_mistake_is_kept_beside_a_wrong_name():
    verdict = validate_body(json.dumps({"enrichment_type": "gold", "contacts": [{"linkedin": PROFILE}]}))
    assert verdict.findings[0].message == "“linkedin” must be named linkedin_url."
    assert "isn't a valid type" in verdict.findings[1].message


def test_the_repaired_body_can_be_downloaded(client, viewer, workspace):
    client.force_login(viewer)
    checked = client.post(reverse("troubleshoot_body", args=[workspace.slug]), {"body": repr(BODY)})
    assert "Download the repaired body" in words(checked)
    url = reverse("troubleshoot_repaired", args=[workspace.slug])
    response = client.post(url, {"body": repr(BODY)})
    assert "attachment" in response["Content-Disposition"]
    assert json.loads(b"".join(response.streaming_content)) == BODY
    assert client.post(url, {"body": "nonsense"}).status_code == 422


def said_of(contact=None, **body):
    verdict = validate_body(json.dumps({"contacts": [contact or ADA], **body}))
    return verdict.status, " ".join(f"{found.message} {found.fix}" for found in verdict.findings)


@pytest.mark.parametrize(
    ("contact", "said"),
    [
        (ADA | {"full_name": "Ada Byron"}, "Split it into first_name and last_name"),
        (ADA | {"first_name": "N/A"}, "first_name has a placeholder instead of a value"),
        (ADA | {"last_name": "nan"}, "last_name has a placeholder"),
        (ADA | {"company_domain": "a..b.com"}, "isn't a bare domain"),
        (ADA | {"company_domain": "gmail.com"}, "belongs to a service"),
        ({"linkedin_url": "https://www.linkedin.com/company/example"}, "not of a person"),
        ({"linkedin_url": "https://www.linkedin.com/sales/lead/ACwAAB,NAME_SEARCH"}, "Sales Navigator"),
        ({"linkedin_url": "https://linkedin.com/in/ada, https://linkedin.com/in/grace"}, "more than one URL"),
    ],
)
def test_what_finds_no_one_is_remarked_on(contact, said):
    status, remarks = said_of(contact)
    assert status == 200
    assert said in remarks


def test_an_empty_cell_of_pandas_is_called_that():
    status, remarks = said_of(ADA | {"company_name": float("nan")})
    assert status == 422
    assert "is NaN, as pandas writes an empty cell" in remarks
    assert "double quotes" not in remarks


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://n8n.acme.io/webhook-test/1a2b", "n8n's test URL"),
        ("https://hooks.slack.com/services/T0/B0/x", "only accepts messages in its own format"),
        ("https://discord.com/api/webhooks/1/x", "only accepts messages"),
        ("https://hooks.acme.io/{{ $json.id }}", "placeholder that wasn't filled in"),
        ("https://acme.io:0/hook", "port 0"),
        ("https://example.com/x", "reserved for examples"),
    ],
)
def test_a_webhook_that_cannot_work_is_remarked_on(url, said):
    assert said in said_of(webhook_url=url)[1]
