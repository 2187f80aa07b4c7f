"""The official SDK, unmodified: only host and key differ from its documentation."""

import asyncio
import json
import time

import cleanlist_ai
import pytest
from cleanlist_ai import aio
from cleanlist_ai.exceptions import (
    BadRequestException,
    ConflictException,
    ForbiddenException,
    NotFoundException,
    UnauthorizedException,
    UnprocessableEntityException,
)
from cleanlist_ai.models.enrich_person_request import EnrichPersonRequest
from cleanlist_ai.models.estimate_cost_request import EstimateCostRequest

from .conftest import organization_id
from .published import assert_matches

CONTACT = "contact-0042@example-17.test"


@pytest.fixture
def sdk(sandbox, session, key):
    with cleanlist_ai.Cleanlist(access_token=key.secret, host=sandbox.base_url) as client:
        yield client


def poll_until_finished(poll):
    """Poll a workflow until it has ended."""
    deadline = time.monotonic() + 30
    while (status := poll()).status == "running" and time.monotonic() < deadline:
        time.sleep(0.2)
    return status


def assert_documented(model, name):
    """Assert that a response has no undocumented field and matches the published schema."""
    assert getattr(model, "additional_properties", {}) == {}
    assert_matches(json.loads(model.to_json()), name)


def test_whoami(sdk, sandbox):
    me = sdk.workspace.whoami()
    assert me.organization_id == organization_id(sandbox)
    assert (me.auth_type, me.tier) == ("api_key", "pro")
    assert_documented(me, "WhoamiResponse")


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("whoami", "WhoamiResponse"),
        ("credits/balance", "CreditsBalanceResponse"),
        ("api-keys", "ApiKeysResponse"),
        ("usage", "UsageReportResponse"),
    ],
)
def test_no_response_has_a_field_unknown_to_the_sdk(key, path, model):
    known = {field.alias or name for name, field in getattr(cleanlist_ai, model).model_fields.items()}
    assert key.client.get(f"/api/v2/{path}").json().keys() <= known


def test_balance(sdk, sandbox):
    sandbox.control("credits", {"organization_id": organization_id(sandbox), "credits": 12.5})
    balance = sdk.workspace.credits_balance()
    assert balance.credits == 12
    assert_documented(balance, "CreditsBalanceResponse")


def test_estimate(sdk):
    request = EstimateCostRequest(tool="enrich_list", row_count=25, scope="full")
    estimate = sdk.workspace.credits_estimate(request)
    assert (estimate.estimated_cost, estimate.row_count, estimate.sufficient) == (275, 25, True)
    assert 290 < estimate.expires_at - time.time() <= 300
    assert_documented(estimate, "EstimateCostResponse")


def test_keys(sdk, key):
    sdk.workspace.whoami()
    listed = sdk.workspace.list_api_keys()
    mine = next(row for row in listed.keys if row.key_id == key.id)
    assert (mine.key_last4, mine.is_active) == (key.secret[-4:], True)
    assert mine.last_used_at is not None
    assert_documented(listed, "ApiKeysResponse")


@pytest.mark.parametrize("group_by", ["tool", "key", "day", "error"])
def test_usage(sdk, group_by):
    sdk.workspace.whoami()
    report = sdk.workspace.usage_report(days=30, group_by=group_by)
    assert (report.days, report.group_by) == (30, group_by)
    assert report.total_calls >= 1
    assert_documented(report, "UsageReportResponse")


def test_a_known_person_is_found_and_charged(sdk):
    before = sdk.workspace.credits_balance().credits
    request = EnrichPersonRequest(lead_list_id="DEFAULT", email=CONTACT, enrichment_type="partial")
    accepted = sdk.enrichment.enrich_person(request)
    assert_documented(accepted, "EnrichPersonResponse")
    assert (accepted.status, accepted.credits_reserved) == ("pending", 1)
    status = poll_until_finished(lambda: sdk.enrichment.enrichment_status(accepted.workflow_id))
    assert_documented(status, "WorkflowStatusResponse")
    assert (status.status, status.credits_charged) == ("completed", 1)
    assert status.result.email == CONTACT
    assert sdk.workspace.credits_balance().credits == before - 1


def test_an_unknown_person_comes_back_empty_and_free(sdk):
    before = sdk.workspace.credits_balance().credits
    request = EnrichPersonRequest(lead_list_id="DEFAULT", email="nobody@example.test", enrichment_type="full")
    accepted = sdk.enrichment.enrich_person(request)
    status = poll_until_finished(lambda: sdk.enrichment.enrichment_status(accepted.workflow_id))
    assert_documented(status, "WorkflowStatusResponse")
    assert (status.credits_charged, status.credits_refunded) == (0, 11)
    assert sdk.workspace.credits_balance().credits == before


def test_a_quote_is_valid_once_and_for_its_price(sdk):
    quote = sdk.workspace.credits_estimate(EstimateCostRequest(tool="enrich_person", scope="partial"))
    person = {"lead_list_id": "DEFAULT", "email": CONTACT, "quote_id": quote.quote_id}
    with pytest.raises(BadRequestException) as too_much:
        sdk.enrichment.enrich_person(EnrichPersonRequest(**person, enrichment_type="full"))
    assert "spend_cap_exceeded" in too_much.value.body
    sdk.enrichment.enrich_person(EnrichPersonRequest(**person))
    with pytest.raises(ConflictException):
        sdk.enrichment.enrich_person(EnrichPersonRequest(**person))


def test_typed_errors(sdk, sandbox):
    with pytest.raises(NotFoundException):
        sdk.enrichment.enrichment_status("enrich-none")
    with pytest.raises(BadRequestException) as unknown_tool:
        sdk.workspace.credits_estimate(EstimateCostRequest(tool="teleport"))
    assert json.loads(unknown_tool.value.body)["error"]["code"] == "validation_error"
    with pytest.raises(UnprocessableEntityException) as misspelt:
        sdk.workspace.usage_report(group_by="moon")
    assert misspelt.value.data.detail[0].msg
    sandbox.control("plan", {"organization_id": organization_id(sandbox), "scopes": []})
    with pytest.raises(ForbiddenException):
        sdk.workspace.credits_balance()


def test_a_wrong_key_is_unauthorized(sandbox):
    with (
        cleanlist_ai.Cleanlist(access_token="clapi_wrong", host=sandbox.base_url) as client,
        pytest.raises(UnauthorizedException),
    ):
        client.workspace.whoami()


def test_the_async_client_gets_the_same_results(sandbox, session, key):
    async def run():
        async with aio.Cleanlist(access_token=key.secret, host=sandbox.base_url) as client:
            me = await client.workspace.whoami()
            before = await client.workspace.credits_balance()
            quote = await client.workspace.credits_estimate(
                aio.models.EstimateCostRequest(tool="enrich_person", scope="full")
            )
            person = aio.models.EnrichPersonRequest(
                lead_list_id="DEFAULT", email=CONTACT, enrichment_type="full", quote_id=quote.quote_id
            )
            accepted = await client.enrichment.enrich_person(person)
            while True:
                status = await client.enrichment.enrichment_status(accepted.workflow_id)
                if status.status != "running":
                    break
                await asyncio.sleep(0.2)
            after = await client.workspace.credits_balance()
            keys = await client.workspace.list_api_keys()
            usage = await client.workspace.usage_report()
            with pytest.raises(aio.exceptions.NotFoundException):
                await client.enrichment.enrichment_status("enrich-none")
            return me, before, status, after, keys, usage

    me, before, status, after, keys, usage = asyncio.run(run())
    assert me.auth_type == "api_key"
    assert (status.result.email, status.credits_charged) == (CONTACT, 11)
    assert after.credits == before.credits - 11
    assert key.id in {row.key_id for row in keys.keys}
    assert usage.total_calls >= 6
    for response, name in ((me, "WhoamiResponse"), (status, "WorkflowStatusResponse")):
        assert_documented(response, name)
