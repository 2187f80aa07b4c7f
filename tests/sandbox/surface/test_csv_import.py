"""CSV import: parsing, skipped rows, enrichment, idempotency."""

import base64
import uuid

import pytest

from tests.sandbox.conftest import organization_id

HEADER = "First,Last,Company,Mail,Profile,Notes"
MAPPING = {
    "first_name": "First",
    "last_name": "Last",
    "company_name": "Company",
    "email": "Mail",
    "linkedin_url": "Profile",
}


def csv(*rows):
    return "\n".join([HEADER, *rows])


def test_rows_become_leads_and_the_rest_is_counted(api):
    text = csv(
        "Contact,0042,Example 17,,,a note",
        ",,,,,",
        "Only,,,,,no company",
        ",,,contact-0001@example-1.test,,",
        ",,,CONTACT-0001@example-1.test,,twice",
        ",,,,linkedin.com/in/contact-0002,",
        ",,,,https://www.linkedin.com/in/contact-0002/,twice",
        '"A, B",C,"Example ""7""",,,',
    )
    list_id = api.new_list()
    answer = api.import_rows(list_id, "\ufeff" + text, MAPPING)
    assert (answer["rows_parsed"], answer["rows_imported"], answer["rows_skipped"]) == (7, 4, 3)
    assert answer["skip_reasons"] == {"missing_required": 1, "duplicate_email": 1, "duplicate_linkedin": 1}
    assert answer["sample_skip_rows"] == [4, 6, 8]
    assert (answer["workflow_id"], answer["enrichment_status_url"]) == (None, None)
    leads = api.leads(list_id)
    assert [lead["full_name"] for lead in leads] == ["Contact 0042", None, None, "A, B C"]
    assert [lead["email"] for lead in leads] == [None, "contact-0001@example-1.test", None, None]
    assert leads[3]["company"] == 'Example "7"'
    assert api("GET", f"/lead-lists/{list_id}")["enriched_count"] == 0


def test_imported_rows_are_enriched_charged_and_refunded(api):
    before = api.balance()
    list_id = api.new_list()
    rows = "".join(f"linkedin.com/in/contact-{number:04d}\n" for number in (1, 5, 9))
    answer = api.import_rows(list_id, f"linkedin_url\n{rows}", dispatch_enrichment=True, enrichment_type="full")
    assert answer["workflow_id"].startswith("bulk-enrich-")
    assert answer["enrichment_status_url"].endswith(answer["workflow_id"])
    done = api.finished(answer["workflow_id"])
    assert (done["total"], done["result"], done["lead_list_id"]) == (3, None, list_id)
    assert (done["credits_charged"], done["credits_refunded"]) == (11 + 1, 33 - 12)
    assert api.balance() == before - 12
    leads = api.leads(list_id)
    assert [(bool(lead["email"]), bool(lead["phone"])) for lead in leads] == [
        (True, True),
        (True, False),
        (False, False),
    ]
    assert api("GET", f"/lead-lists/{list_id}")["enriched_count"] == 2


def test_an_idempotency_key_imports_once_across_lists(api):
    key, text = str(uuid.uuid4()), "linkedin_url\nlinkedin.com/in/contact-0001\n"
    first_list, second_list = api.new_list(), api.new_list()
    more = {"dispatch_enrichment": True, "enrichment_type": "partial", "idempotency_key": key}
    first = api.import_rows(first_list, text, **more)
    reserved = api.balance()
    again = api.import_rows(second_list, text, **more)
    assert not first["idempotency_replayed"]
    assert again["idempotency_replayed"]
    assert again["workflow_id"] == first["workflow_id"]
    assert api.leads(second_list) == []
    api.finished(first["workflow_id"])
    assert reserved - 1 <= api.balance() <= reserved


def test_a_quote_covers_the_rows_that_are_imported(v2):
    list_id, text = v2.new_list(), "linkedin_url\nlinkedin.com/in/contact-0001\nlinkedin.com/in/contact-0002\n"
    more = {"dispatch_enrichment": True, "enrichment_type": "full"}
    small = v2.quote("bulk_import_csv", row_count=1, enrichment_type="full")["quote_id"]
    assert v2.import_rows(list_id, text, status=400, **more, quote_id=small)["error"]["code"] == "spend_cap_exceeded"
    assert v2.leads(list_id) == []
    fitting = v2.quote("bulk_import_csv", row_count=2, enrichment_type="full", list_id=list_id)
    assert fitting["estimated_cost"] == 22
    v2.import_rows(list_id, text, **more, quote_id=fitting["quote_id"])
    used = v2.import_rows(list_id, text, status=409, **more, quote_id=fitting["quote_id"])
    assert used["error"]["code"] == "quote_already_used"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"csv_content_base64": "%%%"}, 400, "validation_error"),
        ({"csv_content_base64": "aé"}, 400, "validation_error"),
        ({"csv_content_base64": base64.b64encode(b"\xff\xfe").decode()}, 400, "validation_error"),
        ({"csv_content_base64": base64.b64encode(b"x" * (150 * 1024 + 1)).decode()}, 413, "payload_too_large"),
        ({"csv_content_base64": base64.b64encode(b"a\n" + b'"' + b"x" * 140_000).decode()}, 400, None),
        ({"csv_content_base64": ""}, 400, "missing_column"),
        ({"column_mapping": {"email": "E-Mail"}}, 400, "missing_column"),
        ({"column_mapping": {"shoe_size": "Mail"}}, 400, "validation_error"),
        ({"dispatch_enrichment": True}, 400, "validation_error"),
        ({"quote_id": "qte_v1_1_none"}, 400, "quote_invalid"),
        ({"column_mapping": {}}, 422, None),
        ({"enrichment_type": "none"}, 422, None),
        ({"dispatch_enrichment": "yes"}, 422, None),
    ],
)
def test_what_cannot_be_imported_says_why(v2, change, status, code):
    body = {
        "csv_content_base64": base64.b64encode(csv(",,,a@example.test,,").encode()).decode(),
        "column_mapping": {"email": "Mail"},
        "dispatch_enrichment": False,
    }
    answer = v2("POST", f"/lead-lists/{v2.new_list()}/csv-import", status, json=body | change)
    assert code is None or answer["error"]["code"] == code
    if code == "missing_column":
        assert answer["error"]["details"]["missing_columns"] == [next(iter((body | change)["column_mapping"].values()))]


def test_rows_beyond_600_are_skipped(v2):
    rows = "".join(f"a{number}@example.test\n" for number in range(603))
    answer = v2.import_rows(v2.new_list(), f"email\n{rows}")
    assert (answer["rows_imported"], answer["skip_reasons"]) == (600, {"row_cap_exceeded": 3})


def test_too_few_credits_import_nothing(sandbox, session, v2):
    sandbox.control("credits", {"organization_id": organization_id(sandbox), "credits": 10})
    list_id = v2.new_list()
    more = {"dispatch_enrichment": True, "enrichment_type": "full", "status": 400}
    error = v2.import_rows(list_id, "email\na@example.test\n", **more)["error"]
    assert (error["code"], error["shortfall_credits"]) == ("insufficient_credits", 1)
    assert v2.leads(list_id) == []
    assert v2.balance() == 10
