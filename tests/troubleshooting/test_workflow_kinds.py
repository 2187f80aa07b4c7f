"""Every kind of workflow that the sandbox starts has its name and cause here; one of no known kind stays as it came."""

import base64
import re
import uuid

import pytest
from django.utils import timezone

from tests.wait import wait_until
from webhooks.ingest import lead_lists
from webhooks.models import LeadList, Workflow, kind_of

V2 = "/api/v2"
PEOPLE = ["linkedin.com/in/contact-0001", "linkedin.com/in/contact-0002"]


class Starter:
    """Starts a workflow of each kind."""

    def __init__(self, api):
        self.api = api

    def call(self, path, **body):
        answer = self.api.post(V2 + path, json=body)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()

    def quote(self, tool, **terms):
        return self.call("/credits/estimate", tool=tool, **terms)["quote_id"]

    def new_list(self, **fields):
        list_id = self.call("/lead-lists", name=f"Spring {uuid.uuid4()}")["list_id"]
        text = "\n".join(["linkedin_url,full_name", *(f"{one},Sample Person" for one in PEOPLE)])
        columns = {name: name for name in ("linkedin_url", "full_name")}
        body = {"csv_content_base64": base64.b64encode(text.encode()).decode(), "column_mapping": columns, **fields}
        return list_id, self.call(f"/lead-lists/{list_id}/csv-import", **{"dispatch_enrichment": False, **body})

    def bulk(self):
        body = {"enrichment_type": "partial", "contacts": [{"linkedin_url": PEOPLE[0]}]}
        return self.api.post("/api/v1/public/enrich/bulk", json=body).json()["workflow_id"]

    def person(self):
        body = {"linkedin_url": PEOPLE[0], "enrichment_type": "partial", "lead_list_id": self.new_list()[0]}
        return self.call("/enrichment/person", **body)["workflow_id"]

    def listed(self):
        list_id, _ = self.new_list()
        quote = self.quote("enrich_list", list_id=list_id, scope="partial")
        return self.call("/enrichment/bulk", list_id=list_id, scope="partial", quote_id=quote)["workflow_id"]

    def by_task(self):
        found = self.call("/search/people", filters={"titles": ["Engineer"]}, limit=2)
        terms = {"task_id": found["task_id"], "data_points": ["Email"]}
        quote = self.quote("add_person_enrichments", **terms)
        return self.call("/enrichment/by-task", quote_id=quote, **terms)["workflow_id"]

    def csv_import(self):
        return self.new_list(dispatch_enrichment=True, enrichment_type="partial")[1]["workflow_id"]

    def agent(self):
        terms = {"list_id": self.new_list()[0], "agent_type": "title_normalizer"}
        quote = self.quote("run_smart_agent", **terms, extra={"column_name": "Title"})
        return self.call("/smart-agents/run", column_name="Title", quote_id=quote, **terms)["smart_agent_task_id"]


@pytest.fixture
def starter(sandbox):
    with sandbox.client() as client:
        yield Starter(client)


# The kind, what it is called, and how the name of the list begins where its results land.
ENRICHMENTS = [
    ("bulk", "Bulk enrichment", "DEFAULT"),
    ("person", "Person enrichment", "Spring "),
    ("listed", "List, task or CSV enrichment", "Spring "),
    ("by_task", "List, task or CSV enrichment", "MCP Results"),
    ("csv_import", "List, task or CSV enrichment", "Spring "),
]


@pytest.mark.parametrize(("kind", "label", "landed"), ENRICHMENTS)
def test_an_enrichment_is_answered_by_its_kind_and_list(person, starter, kind, label, landed):
    name = getattr(starter, kind)()
    page = person.check(f"topic=workflow&workflow={name}")
    assert label in page
    assert "Workflow not found" not in page
    assert ("Cleanlist sends no webhook for this" in page) == (kind != "bulk")
    shown = person.http.get(f"/w/{person.workspace.slug}/webhooks/{name}/").content.decode()
    assert label in shown
    assert ("Cleanlist sends no webhook for this" in shown) == (kind != "bulk")
    assert (f"enrichment/status/{name}" in shown) == (kind != "bulk")
    list_id = Workflow.objects.get(workflow_id=name).lead_list_id
    assert re.search(f"{landed}[^<]*[(]{list_id}[)]", page)
    assert re.search(f"<bdi>{landed}[^<]*</bdi> <code>{list_id}</code>", shown)


def test_a_run_of_a_smart_agent_is_answered_by_its_rows(person, starter):
    name = starter.agent()
    pages = []

    def is_done():
        pages.append(person.check(f"topic=workflow&workflow={name}"))
        return "The smart agent is completed" in pages[-1]

    wait_until(is_done, 30)
    assert "Smart agent" in pages[-1]
    assert "charges row by row" in pages[-1]
    assert "poll smart-agents/{id} instead" in pages[-1]
    assert "How to fix it:</strong> Poll its status" not in pages[-1]  # nobody has said that a webhook is missing
    assert "How to fix it:</strong> Poll its status" in person.check(f"topic=no_webhook&workflow={name}")
    followed = person.http.post(f"/w/{person.workspace.slug}/webhooks/look-up/", {"workflow_id": name}, follow=True)
    assert "run of a smart agent" in followed.content.decode()


def test_a_run_that_cleanlist_does_not_know_is_called_unknown(person):
    assert "Workflow not found in Cleanlist" in person.check("topic=workflow&workflow=run_0000")


def test_a_persons_result_of_the_newer_surface_is_counted_and_shown(person, starter):
    name = starter.person()
    url = f"/w/{person.workspace.slug}/webhooks/{name}/"
    wait_until(lambda: "Data found for 1 contact" in person.check(f"topic=workflow&workflow={name}"), 30)
    assert "c•••@example-1.test" in person.http.post(f"{url}result/").content.decode()


@pytest.mark.parametrize("name", ["wf_enrich_7c2a", "something-else", "42"])
def test_a_workflow_of_no_known_kind_is_shown_as_it_came(person, name):
    page = person.check(f"topic=workflow&workflow={name}")
    assert "Workflow not found in Cleanlist" in page
    assert "Cleanlist sends no webhook" not in page
    assert Workflow.objects.get(workflow_id=name).kind is kind_of(name) is None
    shown = person.http.get(f"/w/{person.workspace.slug}/webhooks/{name}/")
    assert shown.status_code == 200
    assert "Unknown: its ID has no known form" in shown.content.decode()


def test_a_list_that_cleanlist_does_not_name_stays_unnamed_with_the_reason(person, starter, sandbox):
    name = starter.person()
    organization = sandbox.credentials()["organization_id"]
    sandbox.control("plan", {"organization_id": organization, "scopes": ["enrich:read"]})
    page = person.check(f"topic=workflow&workflow={name}")
    list_id = Workflow.objects.get(workflow_id=name).lead_list_id
    assert f"{list_id} (its name is unknown: the console's key lacks lists:read)" in page
    shown = person.http.get(f"/w/{person.workspace.slug}/webhooks/{name}/").content.decode()
    assert "Name unknown" in shown


def test_a_deleted_list_is_named_no_more_and_a_name_just_read_is_not_asked_for_again(person, starter):
    list_id, _ = starter.new_list()
    named = lead_lists.ask_name(person.workspace, list_id)
    assert named.name.startswith("Spring ")
    starter.api.delete(f"{V2}/lead-lists/{list_id}").raise_for_status()
    assert lead_lists.ask_name(person.workspace, list_id) == named
    LeadList.objects.update(read_at=timezone.now() - lead_lists.ASK_AGAIN_AFTER)
    assert lead_lists.ask_name(person.workspace, list_id).name == ""
