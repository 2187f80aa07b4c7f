"""Both clients against the real server process, over sockets."""

import time
from decimal import Decimal

import pytest

from cleanlist import ApiKeyCredential, ClerkSession, Secret, StaticSession, Timeouts, errors

SHORT_TIMEOUTS = Timeouts(connect=2, read=0.5, total=1)


@pytest.fixture
def with_session(run_call, sandbox):
    """Run a call with a session that mints its tokens at the sandbox."""
    names = ("clerk_frontend_api", "clerk_session_id", "clerk_client_token")
    url, session_id, client_token = (sandbox.credentials[name] for name in names)
    session = ClerkSession(url, session_id, Secret(client_token))

    def run(call, **options):
        return run_call(None, call, url=sandbox.url, **{"credential": session, **options})

    return run


@pytest.fixture
def with_key(run_call, sandbox):
    """Run a call with an API key."""

    def run(call, key=None, **options):
        credential = ApiKeyCredential(key or sandbox.credentials["api_key"])
        return run_call(None, call, url=sandbox.url, **{"credential": credential, **options})

    return run


@pytest.fixture
def created(with_session):
    """A new key as (listed key, secret); revoked afterwards."""
    secret = with_session(lambda c: c.api_keys.create("contract")).api_key
    listed = with_session(lambda c: c.api_keys.list())
    (key,) = [key for key in listed if key.is_active and secret.reveal().endswith(key.key_last4)]
    yield key, secret
    with_session(lambda c: c.api_keys.revoke(key.id))


def until(condition, seconds=5):
    deadline = time.monotonic() + seconds
    while not (outcome := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return outcome


def test_a_created_key_works_is_logged_and_stops_when_revoked(with_session, with_key, created):
    key, secret = created
    assert secret.reveal().startswith(key.key_prefix)
    assert with_key(lambda c: c.validate_key(), secret).valid

    (entry,) = until(lambda: with_session(lambda c: c.api_keys.requests(key.id)))
    assert (entry.method, entry.path, entry.status_code) == ("GET", "/api/v1/public/auth/validate-key", 200)
    assert entry.user_agent.startswith("cleanlist-console/")
    assert entry.created_at.tzinfo is not None

    assert with_session(lambda c: c.api_keys.revoke(key.id)).success
    with pytest.raises(errors.AuthenticationError):
        with_key(lambda c: c.validate_key(), secret)


def test_a_pasted_session_token_lists_keys(run_call, sandbox):
    session = StaticSession(sandbox.credentials["session_jwt"])

    keys = run_call(None, lambda c: c.api_keys.list(), url=sandbox.url, credential=session)

    assert keys
    assert session.expires_at is not None


def test_an_api_key_reads_what_its_scopes_allow(with_key, sandbox):
    identity = with_key(lambda c: c.whoami())
    assert identity.organization_id == sandbox.credentials["organization_id"]
    assert identity.auth_type == "api_key"
    assert "credits:read" in identity.scopes

    assert with_key(lambda c: c.credits.balance()).credits >= Decimal(0)
    assert any(key.is_active for key in with_key(lambda c: c.public_keys.list()))
    assert with_key(lambda c: c.usage.report(days=30, group_by="day")).days == 30


def test_an_enrichment_runs_to_its_end(with_key):
    contacts = [{"first_name": "Contact", "last_name": "0042", "company_domain": "example-17.test"}]

    accepted = with_key(lambda c: c.enrich.bulk(contacts))
    assert accepted.total_contacts == 1

    def finished():
        status = with_key(lambda c: c.enrich.status(workflow_id=accepted.workflow_id))
        return status if status.status != "processing" else None

    assert len(until(finished, 20).results) == 1
    assert with_key(lambda c: c.webhooks.deliveries(accepted.workflow_id)) == ()


def test_an_invalid_contact_is_named(with_key):
    contacts = [{"linkedin_url": "https://www.linkedin.com/in/contact-0042"}, {"first_name": "Contact"}]

    with pytest.raises(errors.ValidationFailed) as caught:
        with_key(lambda c: c.enrich.bulk(contacts))

    assert caught.value.status == 422
    assert caught.value.validation_errors[0].loc[:3] == ("body", "contacts", 1)


def test_an_api_key_is_not_accepted_for_management(with_key):
    with pytest.raises((errors.AuthenticationError, errors.Forbidden)) as caught:
        with_key(lambda c: c.api_keys.list())

    assert caught.value.status in {401, 403}


def test_an_unknown_key_is_not_found(with_session):
    with pytest.raises(errors.NotFound):
        with_session(lambda c: c.api_keys.revoke("550e8400-e29b-41d4-a716-446655440000"))


def test_the_eleventh_key_is_refused_with_a_fix(with_session):
    active = [key for key in with_session(lambda c: c.api_keys.list()) if key.is_active]
    for _ in range(10 - len(active)):
        with_session(lambda c: c.api_keys.create("many"))

    with pytest.raises(errors.KeyLimitReached, match="Maximum active API keys reached") as caught:
        with_session(lambda c: c.api_keys.create("one too many"))
    for key in with_session(lambda c: c.api_keys.list()):
        if key.is_active and key.name == "many":
            with_session(lambda c, key=key: c.api_keys.revoke(key.id))

    assert "Revoke a key" in caught.value.fix
    assert not caught.value.outcome_unknown


def test_a_missing_scope_is_named(with_key, sandbox):
    granted = list(with_key(lambda c: c.whoami()).scopes)
    sandbox.plan(scopes=["people:read"])
    try:
        with pytest.raises(errors.InsufficientScope) as caught:
            with_key(lambda c: c.public_keys.list())
    finally:
        sandbox.plan(scopes=granted)

    assert caught.value.required_scope == "admin:api_keys"
    assert caught.value.granted_scopes == ("people:read",)


def test_a_plan_without_api_access_gates_create_and_list_but_not_revoke(with_session, with_key, sandbox, created):
    features = list(with_key(lambda c: c.whoami()).features)
    sandbox.plan(features=[])
    try:
        for call in (lambda c: c.api_keys.create("gated"), lambda c: c.api_keys.list()):
            with pytest.raises(errors.FeatureGated):
                with_session(call)
        assert with_session(lambda c: c.api_keys.revoke(created[0].id)).success
    finally:
        sandbox.plan(features=features)


def test_too_few_credits_are_reported(with_key, sandbox):
    organization = sandbox.credentials["organization_id"]
    before = with_key(lambda c: c.credits.balance()).credits
    sandbox.control.post("/credits", json={"organization_id": organization, "credits": 0}).raise_for_status()
    with pytest.raises(errors.InsufficientCredits) as caught:
        with_key(lambda c: c.enrich.bulk([{"linkedin_url": "https://www.linkedin.com/in/contact-0042"}]))
    sandbox.control.post("/credits", json={"organization_id": organization, "credits": float(before)})

    assert caught.value.status == 402


def test_a_session_that_clerk_no_longer_knows_has_expired(run_call, sandbox):
    session = ClerkSession(sandbox.url, "sess_unknown", Secret("nobody"))

    with pytest.raises(errors.SessionExpired):
        run_call(None, lambda c: c.api_keys.list(), url=sandbox.url, credential=session)


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
def test_each_fault_has_its_error(with_key, sandbox, fault, kind):
    sandbox.fault(path="/api/v1/public/api-keys", **fault)

    with pytest.raises(kind) as caught:
        with_key(lambda c: c.public_keys.list(), timeouts=SHORT_TIMEOUTS, retries=0)

    assert not caught.value.outcome_unknown


@pytest.mark.parametrize("fault", [{"kind": "drop"}, {"kind": "hang"}, {"kind": "empty", "status": 200}])
def test_a_create_whose_response_is_lost_has_an_unknown_outcome_and_the_key_exists(with_session, sandbox, fault):
    before = {key.id for key in with_session(lambda c: c.api_keys.list())}
    sandbox.fault(path="/api/v1/api-keys", method="POST", after=True, times=1, **fault)

    with pytest.raises(errors.CleanlistError) as caught:
        with_session(lambda c: c.api_keys.create("orphan"), timeouts=SHORT_TIMEOUTS)

    assert caught.value.outcome_unknown
    (orphan,) = [key for key in with_session(lambda c: c.api_keys.list()) if key.id not in before]
    with_session(lambda c: c.api_keys.revoke(orphan.id))


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 502}, {"kind": "drop"}])
def test_a_read_survives_two_transient_faults(with_key, sandbox, fault):
    sandbox.fault(path="/api/v1/public/whoami", times=2, **fault)

    assert with_key(lambda c: c.whoami()).organization_id == sandbox.credentials["organization_id"]


def test_revoke_all_reports_how_many(with_session, with_key, sandbox):
    with_session(lambda c: c.api_keys.create("one of all"))

    acknowledged = with_session(lambda c: c.api_keys.revoke_all())

    assert acknowledged.success
    assert "revoked successfully" in acknowledged.message
    assert not any(key.is_active for key in with_session(lambda c: c.api_keys.list()))
    sandbox.credentials = sandbox._read_credentials()  # the key used by the other tests is gone too
