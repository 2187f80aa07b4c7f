"""Connecting a workspace, against the real sandbox."""

import pytest
from django.db import connection

from workspaces.models import Action, AuditEvent, Membership, Role, Workspace

pytestmark = pytest.mark.django_db
WRONG_KEY = "clapi_" + "w" * 64
URL, TEST_URL = "/w/connect/", "/w/connect/test/"


@pytest.fixture
def form(known):
    return {
        "name": "Acme",
        "base_url": known["base_url"],
        "api_key": known["api_key"],
        "session_kind": "none",
    }


@pytest.fixture
def pasted(form, known):
    return form | {"session_kind": "pasted", "session_token": known["session_jwt"]}


@pytest.fixture
def clerk(form, known):
    return form | {
        "session_kind": "clerk",
        "frontend_api_url": known["clerk_frontend_api"],
        "session_id": known["clerk_session_id"],
        "client_token": known["clerk_client_token"],
    }


def text_of(answer):
    return " ".join(answer.content.decode().replace("&#x27;", "'").split())


def everything_stored():
    """Every cell of every table, as text."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608
            yield from (str(cell) for row in cursor.fetchall() for cell in row)


def test_a_working_key_makes_a_workspace_that_its_connector_owns(as_admin, admin, form, known):
    answer = as_admin.post(URL, form)
    assert answer["Location"] == "/w/acme/"
    assert Membership.objects.get().role == Role.OWNER
    assert Workspace.objects.get().organization_id == known["organization_id"]


def test_connecting_is_in_the_audit_trail(as_admin, admin, form):
    before = AuditEvent.objects.count()  # how the admin's account was made
    as_admin.post(URL, form)
    (event,) = AuditEvent.objects.order_by("pk")[before:]
    assert (event.action, event.actor_email) == (Action.WORKSPACE_CONNECTED, admin.email)


def test_secrets_are_stored_encrypted_only(as_admin, clerk, known):
    as_admin.post(URL, clerk)
    assert Workspace.objects.get().api_key.decrypt().reveal() == known["api_key"]
    secrets = {known["api_key"], known["clerk_client_token"]}
    assert not [cell for cell in everything_stored() if any(secret in cell for secret in secrets)]


def test_a_clerk_session_is_stored_with_whose_it_is(as_admin, clerk):
    as_admin.post(URL, clerk)
    assert Workspace.objects.get().has_session
    assert "@" in Workspace.objects.get().session.user_email


def test_a_pasted_token_is_stored_with_its_end(as_admin, pasted):
    as_admin.post(URL, pasted)
    assert Workspace.objects.get().session.remaining.total_seconds() > 0


def test_testing_tells_what_works_and_saves_nothing(as_admin, pasted):
    text = text_of(as_admin.post(TEST_URL, pasted))
    assert "keys listed" in text
    assert "This works" in text
    assert "expires" in text
    assert not Workspace.objects.exists()


@pytest.mark.parametrize("url", [URL, TEST_URL])
@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["page", "htmx"])
def test_no_answer_repeats_a_typed_secret(as_admin, pasted, known, url, headers):
    answer = as_admin.post(url, pasted | {"name": "", "api_key": known["api_key"]}, headers=headers)
    assert answer.status_code == 422
    assert known["api_key"] not in answer.content.decode()
    assert known["session_jwt"] not in answer.content.decode()


def test_htmx_gets_the_report_only_so_that_fields_stay_as_typed(as_admin, form):
    answer = as_admin.post(TEST_URL, form, headers={"HX-Request": "true"})
    assert "<html" not in answer.content.decode()
    assert "This works" in answer.content.decode()


def test_htmx_is_led_to_the_new_workspace(as_admin, form):
    assert as_admin.post(URL, form, headers={"HX-Request": "true"})["HX-Redirect"] == "/w/acme/"


def test_a_wrong_key_is_refused_without_a_way_to_save_it(as_admin, form):
    answer = as_admin.post(URL, form | {"api_key": WRONG_KEY, "save_anyway": "on"})
    assert "did not accept the credential" in text_of(answer)
    assert "Save anyway" not in text_of(answer)
    assert not Workspace.objects.exists()


def test_a_revoked_key_is_refused(as_admin, form, upstream):
    session = upstream.session()
    secret = session.post("/api/v1/api-keys", json={"name": "gone"}).json()["api_key"]
    row = next(row for row in session.get("/api/v1/api-keys").json() if row["key_last4"] == secret[-4:])
    session.post(f"/api/v1/api-keys/{row['id']}/revoke").raise_for_status()
    answer = as_admin.post(URL, form | {"api_key": secret})
    assert "did not accept the credential" in text_of(answer)
    assert not Workspace.objects.exists()


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("clext_" + "x" * 64, "browser extension"),
        ('"clapi_x"', "quotes"),
        ("Bearer clapi_x", "Bearer"),
        ("x" * 64, "starts with clapi_"),
        ("clapi_short", "characters"),
    ],
)
def test_a_key_of_the_wrong_form_is_told_at_its_field(as_admin, form, typed, told):
    answer = as_admin.post(URL, form | {"api_key": typed})
    assert told in " ".join(answer.context["form"].errors["api_key"])
    assert not Workspace.objects.exists()


def test_an_address_that_is_not_listed_gets_no_credential(as_admin, form):
    answer = as_admin.post(URL, form | {"base_url": "https://elsewhere.example"})
    assert "CLEANLIST_API_ORIGINS" in text_of(answer)
    assert not Workspace.objects.exists()


@pytest.mark.parametrize(
    "address",
    ["ftp://x", "https://", "http://u:p@api.cleanlist.ai", "nonsense", "http://[", "https://api.cleanlist.ai:x"],
)
def test_what_is_no_address_is_told_at_its_field(as_admin, form, address):
    answer = as_admin.post(URL, form | {"base_url": address})
    assert answer.status_code == 422
    assert answer.context["form"].errors["base_url"]


def test_a_chosen_session_needs_its_fields(as_admin, form):
    errors = as_admin.post(URL, form | {"session_kind": "clerk"}).context["form"].errors
    assert set(errors) == {"frontend_api_url", "session_id", "client_token"}


def test_the_fields_of_a_chosen_session_are_not_called_optional(as_admin):
    page = as_admin.get(URL).content.decode()
    assert "Session token" in page
    assert "optional" not in page.partition('class="session-kinds__pasted')[2].partition("form__actions")[0]


@pytest.mark.parametrize("typed", ["clapi_" + "x" * 64, "Bearer x.y.z", "half.a-token", "with space.a.b", "é.b.c"])
def test_a_session_token_of_the_wrong_form_is_told_at_its_field(as_admin, form, typed):
    answer = as_admin.post(URL, form | {"session_kind": "pasted", "session_token": typed})
    assert answer.context["form"].errors["session_token"]


def test_a_workspace_needs_a_credential(as_admin, form):
    errors = as_admin.post(URL, form | {"api_key": ""}).context["form"].errors
    assert "or both" in str(errors["api_key"])


def test_a_session_of_elsewhere_is_refused(as_admin, pasted):
    header, body, _ = pasted["session_token"].split(".")
    answer = as_admin.post(URL, pasted | {"session_token": f"{header}.{body}.{'A' * 342}"})
    assert "did not accept the credential" in text_of(answer)
    assert not Workspace.objects.exists()


def test_a_plan_without_api_access_is_a_warning_and_connects(as_admin, pasted, upstream, known):
    upstream.control("plan", {"organization_id": known["organization_id"], "features": []})
    assert "plan doesn't include this" in text_of(as_admin.post(TEST_URL, pasted))
    assert as_admin.post(URL, pasted).status_code == 302


def test_a_key_without_the_balance_scope_is_a_warning_and_connects(as_admin, form, upstream, known):
    upstream.control("plan", {"organization_id": known["organization_id"], "scopes": ["admin:api_keys"]})
    assert "lacks the scope credits:read" in text_of(as_admin.post(TEST_URL, form))
    assert as_admin.post(URL, form).status_code == 302


@pytest.mark.parametrize(
    ("kind", "options", "told"),
    [
        ("status", {"status": 503}, "server error (503)"),
        ("status", {"status": 429, "retry_after": 60}, "Rate limited until"),
        ("html", {"status": 200}, "Unexpected response from the API"),
        ("empty", {"status": 200}, "Unexpected response from the API"),
        ("truncated", {}, "Unexpected response from the API"),
        ("drop", {}, "Can't reach Cleanlist"),
    ],
)
def test_when_upstream_cannot_be_asked_the_person_may_save_anyway(as_admin, form, fault, kind, options, told):
    fault(kind, **options)
    answer = as_admin.post(URL, form)
    assert told in text_of(answer)
    assert "Save anyway" in text_of(answer)
    assert not Workspace.objects.exists()
    assert as_admin.post(URL, form | {"save_anyway": "on"}).status_code == 302
    assert Workspace.objects.get().api_key_last4 == form["api_key"][-4:]


def test_nobody_listening_is_told(as_admin, form, settings):
    settings.CLEANLIST_API_ORIGINS = ["http://127.0.0.1:9"]
    answer = as_admin.post(TEST_URL, form | {"base_url": "http://127.0.0.1:9"})
    assert "Can't reach Cleanlist" in text_of(answer)


def test_two_workspaces_of_one_name_get_addresses_of_their_own(as_admin, form):
    as_admin.post(URL, form)
    as_admin.post(URL, form)
    assert set(Workspace.objects.values_list("slug", flat=True)) == {"acme", "acme-2"}


def test_a_workspace_called_connect_does_not_hide_behind_this_page(as_admin, form):
    as_admin.post(URL, form | {"name": "Connect"})
    assert Workspace.objects.get().slug != "connect"


def test_an_owner_of_a_workspace_may_connect_another(as_owner):
    assert as_owner.get(URL).status_code == 200


@pytest.mark.parametrize("role", ["operator", "viewer", "stranger"])
def test_others_are_told_whom_to_ask(client, request, form, role):
    client.force_login(request.getfixturevalue(role))
    before = Workspace.objects.count()
    answer = client.post(URL, form)
    assert answer.status_code == 403
    assert "site admins" in text_of(answer)
    assert Workspace.objects.count() == before
