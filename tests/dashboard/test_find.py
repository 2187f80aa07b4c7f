"""The search: what is found by what, for whom, and how many queries that takes."""

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from alerts.models import Rule
from keys.models import LogFacet
from tests.fixtures import API_KEY, PASSWORD
from tests.keys.conftest import log_request, make_key
from tests.webhooks.attempts import run
from webhooks.ingest.attempts import ingest_page
from workspaces.find import registry
from workspaces.models import Membership, Role, User, Workspace

HTMX = {"HX-Request": "true"}
WORKFLOW = "public_bulk_6b1f7a52-8f0b-4f3c-9a57-0c6c2f0a9c11"
PATH = "/api/v1/public/credits/balance"
# Session, user, workspace, role, and the menu of workspaces.
FRAME_QUERIES = 7


def search(client, workspace, text, **options):
    return client.get(reverse("find", args=[workspace.slug]), {"q": text}, **options)


def found(response):
    """The labels of the results, by group."""
    return {group.label: [one.label for one in group.found] for group in response.context["groups"]}


def results(response):
    return [one for group in response.context["groups"] for one in group.found]


@pytest.fixture
def as_viewer(client, viewer):
    client.force_login(viewer)
    return client


@pytest.fixture
def as_operator(client, operator):
    client.force_login(operator)
    return client


@pytest.fixture
def key(workspace):
    return make_key(workspace, "Nightly batch", prefix="clapi_AbCd", last4="q7Lm")


@pytest.mark.parametrize("text", ["nightly", "BATCH", "clapi_AbCd", "q7Lm", "clapi_AbCd…q7Lm", "clapi_AbCd...q7Lm"])
def test_a_key_is_found_by_its_name_and_its_visible_ends(as_viewer, key, text):
    make_key(key.workspace, "Monitoring")
    page = search(as_viewer, key.workspace, text)
    assert found(page)["Keys"] == ["Nightly batch"]
    assert results(page)[0].url == key.get_absolute_url()
    assert results(page)[0].detail == "clapi_AbCd…q7Lm · Active"


def test_a_key_is_found_by_the_beginning_of_its_id(as_viewer, key):
    assert found(search(as_viewer, key.workspace, key.upstream_id[:13]))["Keys"] == ["Nightly batch"]


def test_a_request_is_found_by_its_id_and_opens_in_the_log(as_viewer, key):
    row = log_request(key, upstream_id="req_7Hq2", path=PATH, status_code=402)
    log_request(key, upstream_id="req_7Hq2x")
    page = search(as_viewer, key.workspace, "req_7Hq2")
    assert found(page) == {"Requests": [f"POST {PATH}"]}
    assert results(page)[0].detail.startswith("402 · Nightly batch · ")
    opened = as_viewer.get(results(page)[0].url)
    assert opened.context["open"].entry == row


@pytest.mark.parametrize(
    "text", [WORKFLOW, WORKFLOW[:20], WORKFLOW[12:], WORKFLOW[12:19], WORKFLOW[12:20], WORKFLOW[12:22].upper()]
)
def test_a_workflow_is_found_by_its_id_or_the_beginning_of_it(as_viewer, workspace, text):
    ingest_page(workspace, run(WORKFLOW), timezone.now())
    page = search(as_viewer, workspace, text)
    assert found(page)["Workflows"] == [WORKFLOW]
    assert as_viewer.get(results(page)[0].url).status_code == 200


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("66252dea-2ab0-4f8e-8511-3c8c4d000043", "the console&#x27;s log says under this ID what failed"),
        ("req_7Hq2nobody", "for Cleanlist&#x27;s support"),
    ],
)
def test_a_request_id_that_is_not_here_says_what_it_is_for(as_viewer, workspace, text, words):
    page = search(as_viewer, workspace, text)
    assert results(page) == []
    assert words in page.content.decode()
    assert words in search(as_viewer, workspace, text, headers=HTMX).content.decode()
    assert "request ID" not in search(as_viewer, workspace, "nobody").content.decode()


def test_a_delivery_attempt_is_found_by_its_id_without_its_number(as_viewer, workspace):
    ingest_page(workspace, run(WORKFLOW, codes=(500, 500), id="del_7Hq2"), timezone.now())
    page = search(as_viewer, workspace, "del_7Hq2")
    assert found(page) == {"Deliveries": [f"Attempt 2 of {WORKFLOW}", f"Attempt 1 of {WORKFLOW}"]}
    assert as_viewer.get(results(page)[0].url).status_code == 200


def test_an_ip_address_leads_to_its_requests(as_viewer, key):
    log_request(key, ip_address="203.0.113.42")
    page = search(as_viewer, key.workspace, "203.0.113.42:51234")
    assert found(page) == {"IP addresses": ["203.0.113.42"]}
    assert [row.ip_address for row in as_viewer.get(results(page)[0].url).context["page"].rows] == ["203.0.113.42"]
    assert found(search(as_viewer, key.workspace, "203.0.113.43")) == {}


def test_an_address_that_only_the_console_called_from_shows_its_calls(as_viewer, key):
    log_request(key, ip_address="203.0.113.42", is_own_call=True)
    (one,) = results(search(as_viewer, key.workspace, "203.0.113.42"))
    assert len(as_viewer.get(one.url).context["page"].rows) == 1


def test_the_beginning_of_an_address_finds_the_most_frequent_ones(as_viewer, key):
    for last in (7, 7, 8):
        log_request(key, ip_address=f"203.0.113.{last}")
    log_request(key, ip_address="198.51.100.7")
    assert found(search(as_viewer, key.workspace, "203.0")) == {"IP addresses": ["203.0.113.7", "203.0.113.8"]}


def test_a_network_leads_to_its_requests(as_viewer, key):
    (one,) = results(search(as_viewer, key.workspace, "203.0.113.9/24"))
    assert one.label == "203.0.113.0/24"
    assert one.url.endswith("?ip=203.0.113.0%2F24")


def test_paths_are_found_by_how_they_begin(as_viewer, key):
    for path in (PATH, PATH, "/api/v1/public/whoami", "/other"):
        log_request(key, path=path)
    page = search(as_viewer, key.workspace, "GET /api/v1/public/")
    assert found(page) == {"Paths": [PATH, "/api/v1/public/whoami"]}
    assert results(page)[0].detail.startswith("2 requests, last on ")
    assert {row.path for row in as_viewer.get(results(page)[0].url).context["page"].rows} == {PATH}


def test_a_path_with_an_id_is_found_although_only_its_beginning_is_recorded(as_viewer, key):
    path = f"/api/v1/public/enrichment/status/{WORKFLOW}"
    log_request(key, path=path)
    assert LogFacet.objects.filter(kind="beginning").exists()
    page = search(as_viewer, key.workspace, path)
    assert found(page) == {"Paths": [path]}
    assert [row.path for row in as_viewer.get(results(page)[0].url).context["page"].rows] == [path]


def test_endpoints_and_alert_rules_are_found_by_name(as_viewer, workspace):
    ingest_page(workspace, run(WORKFLOW, url="https://hooks.example.com/in"), timezone.now())
    Rule.objects.create(workspace=workspace, kind="balance_below", name="Hooks are quiet", threshold=1, recovery=2)
    page = search(as_viewer, workspace, "HOOKS")
    assert found(page) == {"Endpoints": ["hooks.example.com"], "Alert rules": ["Hooks are quiet"]}
    for one in results(page):
        assert as_viewer.get(one.url).status_code == 200


def test_nothing_of_another_workspace_is_found(as_viewer, workspace):
    other = Workspace.objects.create(name="Other", slug="other", base_url="http://127.0.0.1:9")
    key = make_key(other, "Nightly batch")
    log_request(key, upstream_id="req_7Hq2", path="/foreign")
    ingest_page(other, run(WORKFLOW, url="https://hooks.example.com/in"), timezone.now())
    owner = User.objects.create_user("colleague@elsewhere.test", PASSWORD)
    Membership.objects.create(user=owner, workspace=other, role=Role.OWNER)
    for text in ("nightly", "req_7Hq2", WORKFLOW, "203.0.113.42", "203.", "/foreign", "hooks", "colleague", "Other"):
        assert found(search(as_viewer, workspace, text)) == {}, text


def test_only_owners_find_members_and_only_site_admins_find_accounts(client, workspace, owner, operator, viewer, admin):
    expected = {"viewer": [], "operator": [], "owner": ["Members"], "admin": ["Members", "People"]}
    people = {"viewer": viewer, "operator": operator, "owner": owner, "admin": admin}
    for name, person in people.items():
        client.force_login(person)
        page = search(client, workspace, "operator@")
        assert list(found(page)) == expected[name], name
        for one in results(page):
            assert client.get(one.url).status_code == 200


@pytest.mark.parametrize(
    ("text", "label", "roles"),
    [
        ("create key", "Create key", {"operator", "owner", "admin"}),
        ("revoke all", "Revoke all keys", {"operator", "owner", "admin"}),
        ("send test email", "Send a test email", {"operator", "owner", "admin"}),
        ("invite", "Invite a member", {"owner", "admin"}),
        ("connect", "Connect a workspace", {"owner", "admin"}),
        ("sess lim", "Session limits", {"admin"}),
        ("audit whole", "Audit of the whole console", {"admin"}),
        ("2fa", "Security", {"viewer", "operator", "owner", "admin"}),
        ("export", "Requests", {"viewer", "operator", "owner", "admin"}),
        ("trail", "Audit", {"viewer", "operator", "owner", "admin"}),
    ],
)
def test_pages_and_actions_are_offered_to_whom_may_use_them(
    client, workspace, owner, operator, viewer, admin, text, label, roles
):
    people = {"viewer": viewer, "operator": operator, "owner": owner, "admin": admin}
    for name, person in people.items():
        client.force_login(person)
        labels = [one.label for one in results(search(client, workspace, text))]
        assert (label in labels) == (name in roles), name


def test_what_begins_with_the_text_comes_before_what_only_holds_it(as_operator, key):
    assert list(found(search(as_operator, key.workspace, "night"))) == ["Keys"]
    make_key(key.workspace, "Profiling")
    page = search(as_operator, key.workspace, "prof")
    assert found(page) == {"Keys": ["Profiling"], "Pages": ["Profile"]}
    make_key(key.workspace, "Our webhooks")
    page = search(as_operator, key.workspace, "webh")
    assert list(found(page)) == ["Pages", "Keys", "Actions"]
    assert found(page)["Pages"][0] == "Webhooks"


@pytest.mark.parametrize("role", ["viewer", "operator", "owner", "admin", "stranger"])
def test_every_page_that_is_offered_opens(client, workspace, owner, operator, viewer, admin, stranger, role):
    client.force_login({"viewer": viewer, "operator": operator, "owner": owner, "admin": admin}.get(role, stranger))
    url = reverse("find_anywhere") if role == "stranger" else reverse("find", args=[workspace.slug])
    urls = [one.url for one in results(client.get(url))]
    assert len(urls) > 5
    answers = {url: client.get(url).status_code for url in urls}
    assert set(answers.values()) <= {200}, answers


def test_each_destination_is_offered_once():
    labels = [one.label for one in registry.all_destinations()]
    assert len(labels) > 30
    assert len(labels) == len(set(labels))


def test_two_finders_cannot_have_one_name():
    with pytest.raises(ValueError, match="Two finders are called keys"):
        registry.register(registry.Finder("keys", "Keys", "key", lambda _: [], rank=1))


def test_another_workspace_is_found_by_name_everywhere(as_viewer, workspace, viewer):
    other = Workspace.objects.create(name="Lima Trading", slug="lima", base_url="http://127.0.0.1:9")
    Membership.objects.create(user=viewer, workspace=other, role=Role.VIEWER)
    assert results(search(as_viewer, workspace, "trading"))[0].url == "/w/lima/"
    assert found(as_viewer.get(reverse("find_anywhere"), {"q": "lima"})) == {"Workspaces": ["Lima Trading"]}


@pytest.mark.parametrize(
    "text",
    ["\0", "%", "%%%%", "\\", "\u202etxt.exe", "مفتاح", "x" * 5000, "/" * 3000, "::::::", "1.1.1.1/99", "#"],
)
def test_a_hostile_text_finds_nothing_and_breaks_nothing(as_viewer, key, text):
    log_request(key)
    ingest_page(key.workspace, run(WORKFLOW), timezone.now())
    for options in ({}, {"headers": HTMX}):
        page = search(as_viewer, key.workspace, text, **options)
        assert page.status_code == 200
        assert found(page) == {}


def test_what_is_found_is_shown_as_text(as_viewer, workspace):
    make_key(workspace, "<script>alert(1)</script>")
    for options in ({}, {"headers": HTMX}):
        assert "<script>alert" not in search(as_viewer, workspace, "alert(1)", **options).content.decode()


@pytest.mark.parametrize("where", ["here", "anywhere"])
def test_a_secret_is_neither_searched_nor_kept(as_viewer, workspace, where):
    make_key(workspace, "Leaked", prefix=API_KEY[:10], last4=API_KEY[-4:])
    url = reverse("find", args=[workspace.slug]) if where == "here" else reverse("find_anywhere")
    answer = as_viewer.get(url, {"q": f"Bearer {API_KEY}"})
    assert (answer.status_code, answer.url) == (302, f"{url}?refused")
    page = as_viewer.get(answer.url)
    assert "That looks like a secret" in page.content.decode()
    assert API_KEY not in page.content.decode()


def test_the_dialog_gets_the_visible_ends_of_keys_with_the_first_answer_only(as_viewer, key):
    first = search(as_viewer, key.workspace, "", headers=HTMX)
    assert "q7Lm" in first.context["keys"]
    assert API_KEY not in first.content.decode()
    assert "data-find-keys" not in search(as_viewer, key.workspace, "batch", headers=HTMX).content.decode()
    assert "data-find-keys" not in as_viewer.get(reverse("find_anywhere"), headers=HTMX).content.decode()


def test_htmx_gets_the_options_alone_and_a_browser_without_scripts_the_page(as_viewer, key):
    part, page = search(as_viewer, key.workspace, "batch", headers=HTMX), search(as_viewer, key.workspace, "batch")
    assert part.content.count(b'role="option"') == 1
    assert b"<html" not in part.content
    assert b"<html" in page.content
    assert b'role="option"' not in page.content
    assert "HX-Request" in part["Vary"]


# Of large tables at most three: a request's id, a workflow's, a delivery's.
@pytest.mark.parametrize(
    ("text", "queries"), [("batch", 5), ("req_7Hq2", 9), ("203.0.113.42", 6), ("203.0", 6), ("/api/v1", 1)]
)
def test_the_number_of_queries_does_not_grow(as_owner, key, text, queries, django_assert_num_queries):
    def fill(count):
        for number in range(count):
            one = make_key(key.workspace, f"batch {key.requests.count()} {number}")
            log_request(one, upstream_id="req_7Hq2", path=f"/api/v1/{number}")

    for count in (3, 9):
        fill(count)
        search(as_owner, key.workspace, text, headers=HTMX)
        # Which keys are active, the clock of the database says; SQLite's is the process's own.
        clock_queries = text == "batch" and connection.vendor == "postgresql"
        with django_assert_num_queries(FRAME_QUERIES + queries + clock_queries):
            search(as_owner, key.workspace, text, headers=HTMX)


def test_every_page_has_a_way_to_the_search(as_viewer, workspace):
    page = as_viewer.get(reverse("keys:list", args=[workspace.slug])).content.decode()
    assert f'href="{reverse("find", args=[workspace.slug])}"' in page
    assert f'href="{reverse("find_anywhere")}"' in as_viewer.get("/").content.decode()
    assert "find_anywhere" not in page


def test_who_is_not_signed_in_has_no_search(client, db):
    assert "data-find=" not in client.get(reverse("account_login")).content.decode()
