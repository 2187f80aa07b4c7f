"""Exports as a signed CSV file and as pages of JSON."""

import csv
import io
import time

import httpx
import pytest

from sandbox.agents.runs import PAIN_POINTS

from .conftest import wait_for
from .test_smart_agents import finished, run


def download(answer):
    response = httpx.get(answer["download_url"])
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/csv")
    assert len(response.content) == answer["file_size_bytes"]
    return list(csv.reader(io.StringIO(response.content.decode(), newline="")))


def test_a_file_has_a_list_with_the_columns_of_smart_agents(api):
    list_id = api.list_of([42, 1], dispatch_enrichment=True, enrichment_type="full")
    wait_for(lambda: api("GET", f"/lead-lists/{list_id}"), lambda body: body["enriched_count"] == 2)
    finished(api, run(api, list_id, column_name="Intel, new")["task_id"])
    answer = api("POST", "/export/csv/signed-url", json={"list_id": list_id})
    header, first, second = download(answer)
    assert header == [
        *("lead_id", "first_name", "last_name", "email", "title", "company", "domain", "linkedin_url", "phone"),
        *("location", "Intel, new"),
    ]
    assert answer["row_count"] == 2
    row = dict(zip(header, first, strict=True))
    assert (row["email"], row["domain"]) == ("contact-0042@example-17.test", "example-17.test")
    assert row["phone"].startswith("+1")
    assert row["Intel, new"].startswith("Example 17: ")
    without = api("POST", "/export/csv/signed-url", json={"list_id": list_id, "include_smart_agents": False})
    assert download(without)[0] == header[:-1]
    chosen = ["company_domain", "email", "Intel, new"]
    named = download(api("POST", "/export/csv/signed-url", json={"list_id": list_id, "columns": chosen}))
    assert named[0] == chosen
    assert named[2][0] == "example-1.test"
    assert second[0] == api.leads(list_id)[1]["lead_id"]


def test_text_that_a_spreadsheet_would_calculate_is_quoted(v2):
    list_id = v2.new_list()
    text = 'first,last,company\n=1+1,"a ""b""","x\ny"\n@sum,-2,ä\n'
    v2.import_rows(list_id, text, {"first_name": "first", "last_name": "last", "company_name": "company"})
    body = {"list_id": list_id, "columns": ["first_name", "last_name", "company"]}
    assert download(v2("POST", "/export/csv/signed-url", json=body))[1:] == [
        ["'=1+1", 'a "b"', "x\ny"],
        ["'@sum", "-2", "ä"],
    ]


def test_columns_of_agents_are_no_attributes_and_no_formulas(v2):
    list_id = v2.new_list()
    v2.import_rows(list_id, "email,company_name\nreader@example.test,Example 17\n")
    names = ["json", "__init__", "copy", "=1+1", "\uff1d1+1"]
    for name in names:
        finished(v2, run(v2, list_id, "pain_point_hypothesis", name)["task_id"])
    header, row = download(v2("POST", "/export/csv/signed-url", json={"list_id": list_id}))
    assert header[10:] == ["json", "__init__", "copy", "'=1+1", "'\uff1d1+1"]
    assert set(row[10:]) <= set(PAIN_POINTS)
    assert len(row) == 15
    page = v2("GET", "/export/json", params={"list_id": list_id, "columns": ["json", "copy"]})
    assert page["leads"] == [{"json": row[10], "copy": row[12]}]


def test_a_link_cannot_be_changed_and_expires(v2):
    first, second = v2.list_of([1]), v2.list_of([2])
    url = httpx.URL(v2("POST", "/export/csv/signed-url", json={"list_id": first, "columns": ["email"]})["download_url"])
    assert 86_000 < int(url.params["exp"]) - time.time() <= 86_400
    for changed in (
        url.copy_with(path=f"/exports/{second}.csv"),
        url.copy_set_param("exp", int(url.params["exp"]) + 1),
        url.copy_set_param("columns", "phone"),
        url.copy_set_param("sig", "x"),
        url.copy_remove_param("sig"),
    ):
        assert httpx.get(changed).status_code == 403
    v2("DELETE", f"/lead-lists/{first}")
    assert httpx.get(url).status_code == 404


def test_an_expired_link_is_403(sandbox, v2):
    from sandbox.data_dir import DataDir  # noqa: PLC0415 - only here
    from sandbox.routes.newer import exports as links  # noqa: PLC0415

    list_id = v2.list_of([1])
    secret = DataDir(sandbox.data_dir).quote_secret
    past = links.link(sandbox.base_url, secret, list_id, ["email"], int(time.time()) - 1)
    response = httpx.get(past)
    assert response.status_code == 403
    assert "expired" in response.text


def test_json_is_paged_with_the_chosen_columns(api):
    list_id = api.list_of(range(5))
    seen, cursor = [], None
    while True:
        params = {"list_id": list_id, "limit": 2, "columns": ["lead_id", "linkedin_url"]}
        page = api("GET", "/export/json", params=params | ({"cursor": cursor} if cursor else {}))
        assert page["total"] == 5
        seen += page["leads"]
        if (cursor := page["cursor"]) is None:
            break
    assert [list(lead) for lead in seen] == [["lead_id", "linkedin_url"]] * 5
    assert [lead["linkedin_url"][-1] for lead in seen] == list("01234")
    assert len(api("GET", "/export/json", params={"list_id": list_id})["leads"][0]) == 10


@pytest.mark.parametrize("columns", [["shoe_size"], ["email", "x" * 100]])
def test_a_column_that_there_is_not_is_named(v2, columns):
    list_id = v2.list_of([1])
    for method, path, options in (
        ("GET", "/export/json", {"params": {"list_id": list_id, "columns": columns}}),
        ("POST", "/export/csv/signed-url", {"json": {"list_id": list_id, "columns": columns}}),
    ):
        error = v2.error(method, path, 400, "validation_error", **options)
        assert error["details"]["unknown_columns"] == [columns[-1]]


def test_an_unknown_list_and_a_broken_cursor(v2):
    v2.error("GET", "/export/json?list_id=none", 404, "not_found")
    v2.error("POST", "/export/csv/signed-url", 404, "not_found", json={"list_id": "none"})
    v2.error("GET", f"/export/json?list_id={v2.new_list()}&cursor=x", 400, "validation_error")
    v2("GET", "/export/json", 422)
