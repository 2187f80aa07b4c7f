"""Both clients against the real server process, over sockets."""

import time
from decimal import Decimal

import pytest

from cleanlist import ApiKeyCredential, ClerkSession, Secret, StaticSession, Timeouts, errors

QUICK = Timeouts(connect=2, read=0.5, total=1)


@pytest.fixture
def as_session(talk, sandbox):
    """Ask with a session that mints its tokens at the sandbox."""
    shown = sandbox.credentials
    session = ClerkSession(shown["clerk_frontend_api"], shown["clerk_session_id"], Secret(shown["clerk_client_token"]))

    def ask(question, **options):
        return talk(None, question, url=sandbox.url, **{"credential": session, **options})

    return ask


@pytest.fixture
def as_key(talk, sandbox):
    """Ask with an API key."""

    def ask(question, key=None, **options):
        credential = ApiKeyCredential(key or sandbox.credentials["api_key"])
        return talk(None, question, url=sandbox.url, **{"credential": credential, **options})

    return ask


@pytest.fixture
def created(as_session):
    """A new key as (its listing, its secret), revoked afterwards."""
    secret = as_session(lambda c: c.api_keys.create("contract")).api_key
    listed = as_session(lambda c: c.api_keys.list())
    (key,) = [key for key in listed if key.is_active and secret.reveal().endswith(key.key_last4)]
    yield key, secret
    as_session(lambda c: c.api_keys.revoke(key.id))


def until(condition, seconds=5):
    deadline = time.monotonic() + seconds
    while not (outcome := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return outcome


def test_a_created_key_works_is_logged_and_stops_when_revoked(as_session, as_key, created):
    key, secret = created
    assert secret.reveal().startswith(key.key_prefix)
    assert as_key(lambda c: c.validate_key(), secret).valid

    (entry,) = until(lambda: as_session(lambda c: c.api_keys.requests(key.id)))
    assert (entry.method, entry.path, entry.status_code) == ("GET", "/api/v1/public/auth/validate-key", 200)
    assert entry.user_agent.startswith("cleanlist-console/")
    assert entry.created_at.tzinfo is not None

    assert as_session(lambda c: c.api_keys.revoke(key.id)).success
    with pytest.raises(errors.AuthenticationError):
        as_key(lambda c: c.validate_key(), secret)


def test_a_pasted_session_token_lists_keys(talk, sandbox):
    session = StaticSession(sandbox.credentials["session_jwt"])

    keys = talk(None, lambda c: c.api_keys.list(), url=sandbox.url, credential=session)

    assert keys
    assert session.expires_at is not None


def test_what_an_api_key_may_read_is_read(as_key, sandbox):
    identity = as_key(lambda c: c.whoami())
    assert identity.organization_id == sandbox.credentials["organization_id"]
    assert identity.auth_type == "api_key"
    assert "credits:read" in identity.scopes

    assert as_key(lambda c: c.credits.balance()).credits >= Decimal(0)
    assert any(key.is_active for key in as_key(lambda c: c.public_keys.list()))
    assert as_key(lambda c: c.usage.report(days=30, group_by="day")).days == 30


def test_an_enrichment_runs_to_its_end(as_key):
    contacts = [{"first_name": "Contact", "last_name": "0042", "company_domain": "example-17.test"}]

    accepted = as_key(lambda c: c.enrich.bulk(contacts))
    assert accepted.total_contacts == 1

    def finished():
        status = as_key(lambda c: c.enrich.status(workflow_id=accepted.workflow_id))
        return status if status.status != "processing" else None

    assert len(until(finished, 20).results) == 1
    assert as_key(lambda c: c.webhooks.deliveries(accepted.workflow_id)) == ()


def test_the_bad_contact_is_named(as_key):
    contacts = [{"linkedin_url": "https://www.linkedin.com/in/contact-0042"}, {"first_name": "Contact"}]

    with pytest.raises(errors.ValidationFailed) as caught:
        as_key(lambda c: c.enrich.bulk(contacts))

    assert caught.value.status == 422
    assert caught.value.validation_errors[0].loc[:3] == ("body", "contacts", 1)


def test_an_api_key_is_not_accepted_for_management(as_key):
    with pytest.raises((errors.AuthenticationError, errors.Forbidden)) as caught:
        as_key(lambda c: c.api_keys.list())

    assert caught.value.status in {401, 403}


def test_an_unknown_key_is_not_found(as_session):
    with pytest.raises(errors.NotFound):
        as_session(lambda c: c.api_keys.revoke("550e8400-e29b-41d4-a716-446655440000"))


def test_the_eleventh_key_is_refused_with_the_way_out(as_session):
    active = [key for key in as_session(lambda c: c.api_keys.list()) if key.is_active]
    for _ in range(10 - len(active)):
        as_session(lambda c: c.api_keys.create("many"))

    with pytest.raises(errors.KeyLimitReached, match="Maximum active API keys reached") as caught:
        as_session(lambda c: c.api_keys.create("one too many"))
    for key in as_session(lambda c: c.api_keys.list()):
        if key.is_active and key.name == "many":
            as_session(lambda c, key=key: c.api_keys.revoke(key.id))

    assert "Revoke a key" in caught.value.fix
    assert not caught.value.outcome_unknown


def test_a_missing_scope_is_named(as_key, sandbox):
    granted = list(as_key(lambda c: c.whoami()).scopes)
    sandbox.plan(scopes=["people:read"])
    try:
        with pytest.raises(errors.InsufficientScope) as caught:
            as_key(lambda c: c.public_keys.list())
    finally:
        sandbox.plan(scopes=granted)

    assert caught.value.required_scope == "admin:api_keys"
    assert caught.value.granted_scopes == ("people:read",)


def test_a_plan_without_api_access_gates_create_and_list_but_not_revoke(as_session, as_key, sandbox, created):
    features = list(as_key(lambda c: c.whoami()).features)
    sandbox.plan(features=[])
    try:
        for ask in (lambda c: c.api_keys.create("gated"), lambda c: c.api_keys.list()):
            with pytest.raises(errors.FeatureGated):
                as_session(ask)
        assert as_session(lambda c: c.api_keys.revoke(created[0].id)).success
    finally:
        sandbox.plan(features=features)


def test_too_few_credits_are_reported(as_key, sandbox):
    organization = sandbox.credentials["organization_id"]
    before = as_key(lambda c: c.credits.balance()).credits
    sandbox.control.post("/credits", json={"organization_id": organization, "credits": 0}).raise_for_status()
    with pytest.raises(errors.InsufficientCredits) as caught:
        as_key(lambda c: c.enrich.bulk([{"linkedin_url": "https://www.linkedin.com/in/contact-0042"}]))
    sandbox.control.post("/credits", json={"organization_id": organization, "credits": float(before)})

    assert caught.value.status == 402


def test_a_session_that_clerk_no_longer_knows_has_expired(talk, sandbox):
    session = ClerkSession(sandbox.url, "sess_unknown", Secret("nobody"))

    with pytest.raises(errors.SessionExpired):
        talk(None, lambda c: c.api_keys.list(), url=sandbox.url, credential=session)


FAULTS = [
    ({"kind": "status", "status": 503}, errors.ServerFailed),
    ({"kind": "status", "status": 429, "retry_after": 60}, errors.RateLimited),
    ({"kind": "hang"}, errors.TimedOut),
    ({"kind": "latency", "seconds": 3}, errors.TimedOut),
    ({"kind": "drop"}, errors.ConnectionFailed),
    ({"kind": "html"}, (errors.UnexpectedResponse, errors.ServerFailed)),
    ({"kind": "truncated"}, errors.UnexpectedResponse),
    ({"kind": "empty"}, errors.UnexpectedResponse),
]


@pytest.mark.parametrize(
    ("fault", "kind"), FAULTS, ids=lambda value: value.get("kind") if isinstance(value, dict) else ""
)
def test_each_fault_has_its_error(as_key, sandbox, fault, kind):
    sandbox.fault(path="/api/v1/public/api-keys", **fault)

    with pytest.raises(kind) as caught:
        as_key(lambda c: c.public_keys.list(), timeouts=QUICK, retries=0)

    assert not caught.value.outcome_unknown


@pytest.mark.parametrize("fault", [{"kind": "drop"}, {"kind": "hang"}, {"kind": "empty", "status": 200}])
def test_a_create_whose_answer_is_lost_says_so_and_the_key_exists(as_session, sandbox, fault):
    before = {key.id for key in as_session(lambda c: c.api_keys.list())}
    sandbox.fault(path="/api/v1/api-keys", method="POST", after=True, times=1, **fault)

    with pytest.raises(errors.CleanlistError) as caught:
        as_session(lambda c: c.api_keys.create("orphan"), timeouts=QUICK)

    assert caught.value.outcome_unknown
    (orphan,) = [key for key in as_session(lambda c: c.api_keys.list()) if key.id not in before]
    as_session(lambda c: c.api_keys.revoke(orphan.id))


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 502}, {"kind": "drop"}])
def test_a_read_outlives_two_passing_faults(as_key, sandbox, fault):
    sandbox.fault(path="/api/v1/public/whoami", times=2, **fault)

    assert as_key(lambda c: c.whoami()).organization_id == sandbox.credentials["organization_id"]


def test_revoke_all_tells_how_many(as_session, as_key, sandbox):
    as_session(lambda c: c.api_keys.create("one of all"))

    acknowledged = as_session(lambda c: c.api_keys.revoke_all())

    assert acknowledged.success
    assert "revoked successfully" in acknowledged.message
    assert not any(key.is_active for key in as_session(lambda c: c.api_keys.list()))
    sandbox.credentials = sandbox._read_credentials()  # the key used by the other tests is gone too
