"""Lead lists: create, read, change, delete, page."""

import json
import uuid

import pytest

from tests.sandbox.conftest import organization_id


def test_the_life_of_a_list(api):
    name = f"Life {uuid.uuid4()}"
    made = api("POST", "/lead-lists", 201, json={"name": name, "description": "First"})
    assert (made["name"], made["description"], made["lead_count"], made["reused"]) == (name, "First", 0, False)
    assert uuid.UUID(made["list_id"])
    path = f"/lead-lists/{made['list_id']}"
    assert api("GET", path)["created_at"] == made["created_at"]
    assert api("PATCH", path, json={"description": None})["description"] is None
    assert api("PATCH", path, json={"name": f"{name}!"})["name"] == f"{name}!"
    assert api("DELETE", path) | {"timestamp_ms": 0} == {
        "list_id": made["list_id"],
        "deleted": True,
        "message": "List deleted.",
        "task_id": None,
        "agent_instructions": None,
        "usage": None,
        "timestamp_ms": 0,
    }
    for method, options in (("GET", {}), ("DELETE", {}), ("PATCH", {"json": {"name": "x"}})):
        api.error(method, path, 404, "not_found", **options)


def test_a_list_of_the_same_name_is_reused_whatever_its_case(api):
    name = f"Größe {uuid.uuid4()}"
    first = api("POST", "/lead-lists", 201, json={"name": name})
    again = api("POST", "/lead-lists", 200, json={"name": name.upper().replace("ẞ", "SS")})
    assert (again["list_id"], again["reused"]) == (first["list_id"], True)


@pytest.mark.parametrize(
    "body",
    [
        *({}, {"name": ""}, {"name": "x" * 201}, {"name": None}, {"name": "x", "color": 1}, {"name": "\ud800"}),
        *({"name": "  "}, {"name": "a\x00b"}, {"name": "a\nb"}, {"name": "a\u2028b"}),
    ],
)
def test_what_is_no_list_is_422(v2, body):
    content = json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    assert v2("POST", "/lead-lists", 422, content=content, headers=headers)["detail"]
    list_id = v2.new_list()
    if body != {"name": "x"}:
        v2("PATCH", f"/lead-lists/{list_id}", 422, content=content, headers=headers)


def test_a_list_cannot_take_the_name_of_another(api):
    name = f"Straße {uuid.uuid4()}"
    api.new_list(name)
    other = f"/lead-lists/{api.new_list()}"
    assert api.error("PATCH", other, 409, "name_taken", json={"name": name.upper()})["fix"]
    own = api("GET", other)["name"]
    assert api("PATCH", other, json={"name": own.upper()})["name"] == own.upper()


def test_folders_do_not_exist(v2):
    v2.error("POST", "/lead-lists", 404, "not_found", json={"name": "In a folder", "folder_id": "folder_1"})
    v2.error("PATCH", f"/lead-lists/{v2.new_list()}", 404, "not_found", json={"folder_id": "folder_1"})
    assert v2("GET", "/lead-lists?folder_id=folder_1")["lists"] == []


def test_lists_are_paged_newest_first_and_each_once(api):
    made = [api.new_list() for _ in range(5)]
    seen, cursor = [], None
    while True:
        page = api("GET", "/lead-lists", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))
        assert len(page["lists"]) <= 2
        seen += [row["list_id"] for row in page["lists"]]
        if (cursor := page["cursor"]) is None:
            break
    assert len(seen) == len(set(seen)) == page["total"]
    assert seen[:5] == made[::-1]
    owner = api("GET", "/whoami")["user_name"]
    newest = api("GET", "/lead-lists?limit=1")["lists"][0]
    assert (newest["owner_name"], newest["visibility"]) == (owner, "private")


@pytest.mark.parametrize("cursor", ["", "0", "3.5", "x", "-1", "9" * 30, "٣", "1.%00", "MTguLjA", "é" * 200])
def test_a_malformed_cursor_is_400_and_never_a_restart(v2, cursor):
    for path in ("/lead-lists", f"/lead-lists/{v2.new_list()}/leads"):
        v2.error("GET", path, 400, "validation_error", params={"cursor": cursor})


def test_a_cursor_continues_only_where_it_came_from(v2):
    one, other = v2.list_of(range(3)), v2.list_of(range(3))
    paths = f"/lead-lists/{one}/leads", f"/lead-lists/{other}/leads", "/lead-lists"
    cursors = {path: v2("GET", path, params={"limit": 1})["cursor"] for path in paths}
    for path, cursor in cursors.items():
        for elsewhere in set(paths) - {path}:
            v2.error("GET", elsewhere, 400, "validation_error", params={"cursor": cursor})
        assert v2("GET", path, params={"limit": 1, "cursor": cursor})["total"] >= 2
    v2.error("GET", f"/export/json?list_id={one}&cursor={cursors[paths[1]]}", 400, "validation_error")


@pytest.mark.parametrize("limit", [0, 101, "many", 10**30])
def test_a_limit_out_of_range_is_422(v2, limit):
    v2("GET", f"/lead-lists?limit={limit}", 422)


def test_the_default_list_is_kept_by_the_service(sandbox, v2):
    accepted = v2("POST", "/enrichment/person", json={"lead_list_id": "DEFAULT", "linkedin_url": "contact-0042"})
    v2.finished(accepted["workflow_id"])
    list_id = accepted["lead_list_id"]
    shown = v2("GET", f"/lead-lists/{list_id}")
    assert shown["name"] == "DEFAULT"
    assert shown["enriched_count"] >= 1
    assert "Contact 0042" in {lead["full_name"] for lead in v2.leads(list_id)}
    v2.error("PATCH", f"/lead-lists/{list_id}", 403, "list_protected", json={"name": "Mine"})
    v2.error("DELETE", f"/lead-lists/{list_id}", 403, "list_protected")
    v2.error("PATCH", "/lead-lists/DEFAULT", 403, "list_protected", json={"description": "Mine"})
    v2.error("DELETE", "/lead-lists/DEFAULT", 403, "list_protected")
    state = sandbox.control("state", method="GET")["organizations"][0]
    assert state["organization_id"] == organization_id(sandbox)
    assert [each["name"] for each in state["lead_lists"]].count("DEFAULT") == 1


def test_a_deleted_list_does_not_block_a_running_enrichment(v2):
    list_id = v2.new_list()
    accepted = v2("POST", "/enrichment/person", json={"lead_list_id": list_id, "linkedin_url": "contact-0042"})
    v2("DELETE", f"/lead-lists/{list_id}")
    done = v2.finished(accepted["workflow_id"])
    assert (done["status"], done["credits_charged"]) == ("completed", 1)
    assert done["result"]["lead_id"]
