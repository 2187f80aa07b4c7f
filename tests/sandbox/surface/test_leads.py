"""Leads in lists: pages, adding and removing."""

import pytest


def test_leads_are_paged_in_the_order_in_which_they_came(api):
    list_id = api.list_of(range(25))
    seen, cursor = [], None
    while True:
        page = api("GET", f"/lead-lists/{list_id}/leads", params={"limit": 10} | ({"cursor": cursor} if cursor else {}))
        seen += [lead["linkedin_url"] for lead in page["leads"]]
        assert page["total"] == 25
        assert page["task_id"].startswith("cl-task_")
        if (cursor := page["cursor"]) is None:
            break
    assert seen == [f"linkedin.com/in/contact-{number:04d}" for number in range(25)]


def test_a_lead_can_be_in_two_lists_and_outlives_them(api):
    first, second = api.list_of([41, 42, 43]), api.new_list()
    ids = [lead["lead_id"] for lead in api.leads(first)]
    added = api("POST", f"/lead-lists/{second}/leads", json={"lead_ids": [*ids, ids[0]]})
    assert added == {
        "list_id": second,
        "added": 3,
        "skipped_duplicates": 0,
        "created": None,
        "credits_charged": 0,
    }
    assert api("POST", f"/lead-lists/{second}/leads", json={"lead_ids": ids})["skipped_duplicates"] == 3
    api("DELETE", f"/lead-lists/{first}")
    assert [lead["lead_id"] for lead in api.leads(second)] == ids


def test_a_page_of_leads_can_be_added_to_another_list(api):
    source, target = api.list_of([1, 2, 3, 4]), api.new_list()
    page = api("GET", f"/lead-lists/{source}/leads")
    chosen = [page["leads"][index]["lead_id"] for index in (1, 3)]
    body = {"task_id": page["task_id"], "entity_ids": chosen}
    added = api("POST", f"/lead-lists/{target}/leads", json=body)
    assert (added["added"], added["created"]) == (2, 0)
    assert [lead["lead_id"] for lead in api.leads(target)] == chosen
    strangers = body | {"entity_ids": ["somebody"]}
    api.error("POST", f"/lead-lists/{target}/leads", 400, "validation_error", json=strangers)
    api.error("POST", f"/lead-lists/{target}/leads", 404, "not_found", json={"task_id": "cl-task_none"})


def test_reading_a_page_again_gives_the_same_handle(v2):
    list_id = v2.list_of([1, 2])
    handles = {v2("GET", f"/lead-lists/{list_id}/leads")["task_id"] for _ in range(3)}
    assert len(handles) == 1


def test_an_idempotency_key_adds_once(api):
    source, target = api.list_of([5, 6]), api.new_list()
    ids = [lead["lead_id"] for lead in api.leads(source)]
    body = {"lead_ids": ids, "idempotency_key": "k" * 128}
    first = api("POST", f"/lead-lists/{target}/leads", json=body)
    assert api("POST", f"/lead-lists/{target}/leads", json=body) == first
    assert first["added"] == 2
    task_id = api("GET", f"/lead-lists/{source}/leads")["task_id"]
    for other in ({"lead_ids": ids[:1]}, {"task_id": task_id}):
        other["idempotency_key"] = body["idempotency_key"]
        error = api.error("POST", f"/lead-lists/{target}/leads", 409, "idempotency_key_reused", json=other)
        assert not error["retryable"]
    api("POST", f"/lead-lists/{target}/leads", 422, json=body | {"idempotency_key": "k" * 129})


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"lead_ids": []},
        {"lead_ids": ["x"] * 1001},
        {"lead_ids": ["x"], "task_id": "cl-task_1"},
        {"task_id": "cl-task_1", "filters": {}},
        {"task_id": "cl-task_1", "entity_ids": ["x"] * 2001},
        {"lead_ids": [1]},
    ],
)
def test_exactly_one_way_to_name_leads(v2, body):
    v2("POST", f"/lead-lists/{v2.new_list()}/leads", 422, json=body)


def test_unknown_leads_cannot_be_added_but_removed(api):
    list_id = api.list_of([7, 8])
    api.error("POST", f"/lead-lists/{list_id}/leads", 404, "not_found", json={"lead_ids": ["nobody"]})
    first, second = api.leads(list_id)
    body = {"lead_ids": [first["lead_id"], first["lead_id"], "nobody"]}
    assert api("DELETE", f"/lead-lists/{list_id}/leads", json=body) == {"list_id": list_id, "removed": 1}
    assert api.leads(list_id) == [second]
    api("DELETE", f"/lead-lists/{list_id}/leads", 422, json={"lead_ids": ["x"] * 101})


def test_an_unknown_list_is_404_everywhere(v2):
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"name": "x"}),
        ("DELETE", "", None),
        ("GET", "/leads", None),
        ("POST", "/leads", {"lead_ids": ["x"]}),
        ("DELETE", "/leads", {"lead_ids": ["x"]}),
    ):
        v2.error(method, f"/lead-lists/none{path}", 404, "not_found", json=body)
