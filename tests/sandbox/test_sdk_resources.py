"""Every method of every resource of the official SDK, sync and async, and the quickstart of its description."""

import asyncio
import base64
import inspect
import re
from importlib.metadata import metadata

import cleanlist_ai
import pytest
from cleanlist_ai import aio

from .conftest import organization_id

RESOURCES = ["workspace", "lead_lists", "enrichment", "smart_agents", "export"]
CSV = base64.b64encode(b"profile\nlinkedin.com/in/contact-0042\nlinkedin.com/in/contact-0001\n").decode()


class Calls:
    """The resources of a client, whose methods are awaited if need be and noted."""

    def __init__(self, client):
        self.client = client
        self.made = set()

    async def __call__(self, name, *arguments, **options):
        resource, method = name.split(".")
        self.made.add(name)
        result = getattr(getattr(self.client, resource), method)(*arguments, **options)
        result = await result if inspect.isawaitable(result) else result
        assert not getattr(result, "additional_properties", None)
        return result

    def all(self):
        return {
            f"{resource}.{name}"
            for resource in RESOURCES
            for name, _ in inspect.getmembers(getattr(self.client, resource), inspect.ismethod)
            if not name.startswith("_") and not name.endswith(("_with_http_info", "_without_preload_content"))
        }


async def use_lists(call, models):
    made = await call("lead_lists.create_list", models.CreateListRequest(name=f"List of {models.__name__}"))
    list_id = made.list_id
    update = models.PublicLeadListUpdate(description="Made by a test")
    assert (await call("lead_lists.update_list", list_id, update)).description == "Made by a test"
    imported = await call(
        "lead_lists.csv_import",
        list_id,
        models.CsvImportRequest(
            csv_content_base64=CSV, column_mapping={"linkedin_url": "profile"}, dispatch_enrichment=False
        ),
    )
    assert imported.rows_imported == 2
    page = await call("lead_lists.list_leads_in_list", list_id, limit=1)
    assert (len(page.leads), page.total) == (1, 2)
    second = (await call("lead_lists.list_leads_in_list", list_id, limit=1, cursor=page.cursor)).leads[0]
    removal = models.RemoveLeadsRequest(lead_ids=[second.lead_id])
    assert (await call("lead_lists.remove_leads_from_list", list_id, removal)).removed == 1
    addition = models.Body(models.AddByLeadIds(lead_ids=[second.lead_id]))
    assert (await call("lead_lists.add_leads_to_list", list_id, addition)).added == 1
    assert (await call("lead_lists.get_list", list_id)).lead_count == 2
    assert (await call("lead_lists.list_lists", limit=1)).lists[0].list_id == list_id
    return list_id


async def finished(call, handle):
    while True:
        status = await call("enrichment.enrichment_status", handle)
        if status.status != "running":
            return status
        await asyncio.sleep(0.1)


async def use_enrichment(call, models, list_id, companies):
    company = await call("enrichment.enrich_company", models.EnrichCompanyRequest(domain="example-17.test"))
    assert (company.company.name, company.credits_charged) == ("Example 17", 1)
    person = models.EnrichPersonRequest(lead_list_id=list_id, linkedin_url="linkedin.com/in/contact-0003")
    done = await finished(call, (await call("enrichment.enrich_person", person)).workflow_id)
    assert done.result.email == "contact-0003@example-3.test"
    estimate = models.EstimateCostRequest(tool="enrich_list", list_id=list_id, scope="full")
    quote = await call("workspace.credits_estimate", estimate)
    assert quote.estimated_cost == 33
    request = models.EnrichListRequest(list_id=list_id, scope="full", quote_id=quote.quote_id)
    started = await call("enrichment.enrich_list", request)
    done = await finished(call, started.workflow_id)
    assert (done.credits_charged, done.credits_refunded) == (33, 0)
    chosen = {"task_id": companies, "data_points": ["Industry"]}
    estimate = models.EstimateCostRequest(tool="add_company_enrichments", **chosen)
    quote = await call("workspace.credits_estimate", estimate)
    request = models.EnrichByTaskRequest(**chosen, quote_id=quote.quote_id)
    assert (await call("enrichment.enrich_by_task", request)).results[0].company.industry


async def finished_run(call, list_id):
    while True:
        (run,) = (await call("smart_agents.list_smart_agents", list_id=list_id)).runs
        if run.status not in {"pending", "processing"}:
            assert (run.status, run.processed, run.failed) == ("completed", 3, 0)
            return run.task_id
        await asyncio.sleep(0.1)


async def use_agents_and_exports(call, models, list_id, sandbox, key):
    estimate = models.EstimateCostRequest(
        tool="run_smart_agent", list_id=list_id, agent_type="company_intel", extra={"column_name": "Intel"}
    )
    quote = await call("workspace.credits_estimate", estimate)
    request = models.RunSmartAgentRequest(
        list_id=list_id, agent_type="company_intel", column_name="Intel", quote_id=quote.quote_id
    )
    sandbox.control("smart-agents", {"held": True})
    run_id = (await call("smart_agents.run_smart_agent", request)).smart_agent_task_id
    results = await call("smart_agents.get_smart_agent_results", run_id)
    assert (results.status, results.total, results.results) == ("pending", 3, [])
    sandbox.control("smart-agents", {"held": False})
    assert await finished_run(call, list_id) == run_id
    with pytest.raises(NameError, match="AnyOf"):  # a fault of SDK 2.0.0: it cannot read any value
        await call("smart_agents.get_smart_agent_results", run_id)
    values = key.client.get(f"/api/v2/smart-agents/{run_id}").json()["results"]
    assert [bool(row["value"]) for row in values] == [True] * 3
    file = await call("export.export_csv", models.ExportCsvRequest(list_id=list_id))
    assert "Intel" in key.client.get(file.download_url).text
    exported = await call("export.export_json", list_id, columns=["email"])
    assert [lead["email"][:8] for lead in exported.leads] == ["contact-"] * 3


async def use_everything(client, models, sandbox, key):
    call = Calls(client)
    assert (await call("workspace.whoami")).organization_id == organization_id(sandbox)
    before = (await call("workspace.credits_balance")).credits
    body = {"filters": {"domains": ["example-17.test"]}}
    companies = key.client.post("/api/v2/search/companies", json=body).json()["task_id"]
    list_id = await use_lists(call, models)
    await use_enrichment(call, models, list_id, companies)
    await use_agents_and_exports(call, models, list_id, sandbox, key)
    assert (await call("workspace.credits_balance")).credits == before - 1 - 1 - 33 - 1 - 3
    assert key.id in {row.key_id for row in (await call("workspace.list_api_keys")).keys}
    assert (await call("workspace.usage_report", days=1, group_by="tool")).total_calls > 20
    assert (await call("lead_lists.delete_list", list_id)).deleted
    assert call.made == call.all()
    assert len(call.made) == 24


def test_every_method_of_the_sync_client(sandbox, session, key):
    with cleanlist_ai.Cleanlist(access_token=key.secret, host=sandbox.base_url) as client:
        asyncio.run(use_everything(client, cleanlist_ai.models, sandbox, key))


def test_every_method_of_the_async_client(sandbox, session, key):
    async def run():
        async with aio.Cleanlist(access_token=key.secret, host=sandbox.base_url) as client:
            await use_everything(client, aio.models, sandbox, key)

    asyncio.run(run())


@pytest.mark.parametrize("heading", ["Quickstart (sync)", "Quickstart (async)"])
def test_the_quickstart_runs_with_another_host_and_key(sandbox, session, key, monkeypatch, capsys, heading):
    monkeypatch.setenv("CLEANLIST_API_KEY", key.secret)
    text = metadata("cleanlist-ai").get_payload() or metadata("cleanlist-ai")["Description"]
    (code,) = re.findall(rf"(?s)## {re.escape(heading)}\n.*?```python\n(.*?)```", text)
    code = code.replace("Cleanlist()", f"Cleanlist(host={sandbox.base_url!r})")
    exec(compile(code, heading, "exec"), {"__name__": "quickstart"})  # noqa: S102 - what a newcomer would run
    assert "list id: " in capsys.readouterr().out
