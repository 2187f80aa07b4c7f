"""Sync to CRMs and sequencers, and how it fails: an expired connection, a required field."""

import pytest

from tests.sandbox.conftest import organization_id

DESTINATIONS = [
    ("crm", "hubspot"),
    ("crm", "salesforce"),
    ("crm", "mailchimp"),
    ("sequencer", "lemlist"),
    ("sequencer", "smartlead"),
]


@pytest.fixture
def connect(sandbox):
    """Set the state of a connection; all are healthy again afterwards."""

    def change(provider, state):
        body = {"organization_id": organization_id(sandbox), "provider": provider, "state": state}
        sandbox.control("connections", body)

    yield change
    for _, provider in DESTINATIONS:
        change(provider, "healthy")


@pytest.mark.parametrize(
    ("tool", "provider"),
    [("sync_to_crm", "lemlist"), ("sync_to_crm", "pipedrive"), ("sync_to_sequencer", "hubspot"), ("sync_to_crm", None)],
)
def test_no_quote_is_made_that_nothing_can_redeem(v2, tool, provider):
    asked = {"tool": tool, "row_count": 1, **({"provider": provider} if provider else {})}
    error = v2.error("POST", "/credits/estimate", 400, "validation_error", json=asked)
    assert "smartlead" in error["fix"] if "sequencer" in tool else "hubspot" in error["fix"]


def mixed_list(api):
    """A lead with everything, and one of which only the profile is known: nobody whom another test enriches."""
    list_id = api.new_list()
    mapping = {name: name for name in ("first_name", "last_name", "company_name", "email", "linkedin_url")}
    text = ",".join(mapping) + "\nAnna,Beispiel,Example 1,anna@example.test,\n,,,,linkedin.com/in/only-a-profile\n"
    api.import_rows(list_id, text, mapping)
    return list_id


def sync(api, kind, provider, list_id, status=200, **body):
    quote = api.quote(f"sync_to_{kind}", list_id=list_id, provider=provider, **body)
    body = {"list_id": list_id, "provider": provider, "quote_id": quote["quote_id"], **body}
    return api("POST", f"/sync/{kind}", status, json=body)


@pytest.mark.parametrize(("kind", "provider"), DESTINATIONS)
def test_a_row_without_a_required_field_fails_and_says_so(api, kind, provider):
    list_id, before = mixed_list(api), api.balance()
    answer = sync(api, kind, provider, list_id)
    assert (answer["total"], answer["succeeded"], answer["failed"]) == (2, 1, 1)
    good, bad = answer["results"]
    assert (good["status"], good["error"]) == ("done", None)
    assert bad["status"] == "failed"
    assert "required" in bad["error"].lower() or "blank" in bad["error"]
    assert sync(api, kind, provider, list_id)["results"][0]["external_id"] == good["external_id"]
    assert api.balance() == before


@pytest.mark.parametrize(("kind", "provider"), DESTINATIONS)
def test_an_expired_connection_fails_every_row(v2, connect, kind, provider):
    connect(provider, "expired")
    answer = sync(v2, kind, provider, mixed_list(v2))
    assert answer["failed"] == 2
    assert all(row["error"].startswith("401") and "econnect" in row["error"] for row in answer["results"])
    connect(provider, "missing")
    assert sync(v2, kind, provider, mixed_list(v2), 400)["error"]["code"] == "not_connected"


def test_a_quote_is_for_one_destination(v2):
    list_id = mixed_list(v2)
    body = {"list_id": list_id, "provider": "hubspot"}
    v2.error("POST", "/sync/crm", 400, "quote_required", json=body)
    quote = v2.quote("sync_to_crm", list_id=list_id, provider="salesforce")["quote_id"]
    assert (
        "provider" in v2.error("POST", "/sync/crm", 400, "quote_invalid", json={**body, "quote_id": quote})["problem"]
    )
    both = v2.quote("sync_to_crm", **body, sub_action="contacts+companies")["quote_id"]
    v2.error("POST", "/sync/crm", 400, "quote_invalid", json={**body, "quote_id": both})
    v2("POST", "/sync/crm", json={**body, "sub_action": "contacts+companies", "quote_id": both})
    v2("POST", "/sync/crm", 422, json={**body, "provider": "lemlist"})
    v2.error("POST", "/sync/crm", 404, "not_found", json={**body, "list_id": "none", "quote_id": both})
