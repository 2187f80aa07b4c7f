"""What a plan's features allow, on both versions: 403 without them, and neither credits nor a quote spent."""

import base64

import pytest

from tests.sandbox.conftest import ALL_FEATURES, organization_id

PERSON = {"lead_list_id": "DEFAULT", "linkedin_url": "linkedin.com/in/contact-0042"}
CSV = {"csv_content_base64": base64.b64encode(b"email\na@b.test\n").decode(), "column_mapping": {"email": "email"}}
IMPORT = {**CSV, "dispatch_enrichment": False}


@pytest.fixture
def features(sandbox, session):
    """Give the plan all features but those that are named; all are back afterwards."""

    def remove(*missing):
        kept = [each for each in ALL_FEATURES if each not in missing]
        sandbox.control("plan", {"organization_id": organization_id(sandbox), "features": kept})

    return remove


def gated(api, method, path, feature, **options):
    assert feature in api.error(method, path, 403, "feature_gated", **options)["problem"]


def test_whoami_lists_what_a_new_organization_can_do(sandbox, api):
    assert api("GET", "/whoami")["features"] == sorted(ALL_FEATURES)
    assert "sync_to_crm" in ALL_FEATURES


def test_a_search_needs_its_feature(api, features):
    features("search_people")
    body = {"filters": {"titles": ["VP of"]}, "limit": 1}
    gated(api, "POST", "/search/people", "search_people", json=body)
    assert api("POST", "/search/companies", json={"filters": {"names": ["Example 17"]}})["total"]


@pytest.mark.parametrize(
    ("missing", "kind", "is_gated"),
    [
        ("enrich_email", "partial", True),
        ("enrich_email", "phone_only", False),
        ("enrich_email", "full", True),
        ("enrich_phone", "partial", False),
        ("enrich_phone", "phone_only", True),
        ("enrich_phone", "full", True),
    ],
)
def test_an_enrichment_needs_the_features_of_what_it_looks_for(api, features, missing, kind, is_gated):
    list_id = api.list_of([42])
    scope = kind.replace("_", "-")
    quote_id = api.quote("enrich_list", list_id=list_id, scope=scope)["quote_id"]
    before = api.balance()
    features(missing)
    person, by_csv = {**PERSON, "enrichment_type": kind}, {**CSV, "enrichment_type": kind}
    whole = {"list_id": list_id, "scope": scope, "quote_id": quote_id}
    imports = f"/lead-lists/{list_id}/csv-import"
    if is_gated:
        gated(api, "POST", "/enrichment/person", missing, json=person)
        gated(api, "POST", imports, missing, json=by_csv)
        gated(api, "POST", "/enrichment/bulk", missing, json=whole)
        assert api.balance() == before
        features()
    else:
        api("POST", "/enrichment/person", json=person)
    api("POST", "/enrichment/bulk", json=whole)


def test_the_people_of_a_task_need_the_features_of_their_data_points(api, features):
    task_id = api("GET", f"/lead-lists/{api.list_of([42])}/leads")["task_id"]

    def enrich(*points):
        chosen = {"task_id": task_id, "data_points": list(points)}
        return chosen | {"quote_id": api.quote("add_person_enrichments", **chosen)["quote_id"]}

    features("enrich_phone")
    gated(api, "POST", "/enrichment/by-task", "enrich_phone", json=enrich("Email", "Phone"))
    api("POST", "/enrichment/by-task", json=enrich("Email"))
    features("enrich_email")
    api("POST", "/enrichment/by-task", json=enrich("LinkedIn"))


def test_a_csv_and_a_crm_need_theirs(api, features):
    list_id = api.list_of([42])
    quote_id = api.quote("sync_to_crm", list_id=list_id, provider="hubspot")["quote_id"]
    features("data_source_csv_upload", "sync_to_crm")
    gated(api, "POST", f"/lead-lists/{list_id}/csv-import", "data_source_csv_upload", json=IMPORT)
    body = {"list_id": list_id, "provider": "hubspot", "quote_id": quote_id}
    gated(api, "POST", "/sync/crm", "sync_to_crm", json=body)
    features()
    assert api("POST", "/sync/crm", json=body)["total"] == 1
