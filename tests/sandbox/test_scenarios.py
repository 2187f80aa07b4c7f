"""Named scenarios: a client sees what each of them says, and nothing of it after the next one."""

import http.client
import re
import subprocess
import sys
import time

import cleanlist_ai
import httpx
import pytest
from cleanlist_ai.exceptions import ApiException

from .process import ROOT, SandboxProcess, command
from .surface.conftest import Api, wait_for
from .surface.test_smart_agents import run as run_agent
from .surface.test_sync import mixed_list, sync


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    flags = ("--enrichment-pace", "0.05", "--webhook-pace", "0.05")
    with SandboxProcess(tmp_path_factory.mktemp("scenarios") / "data", *flags, "--org-limit", "0") as running:
        yield running


@pytest.fixture
def seen(process):
    process.control("scenarios/normal")
    return Seen(process)


class Seen:
    """What clients see of a sandbox in each scenario."""

    def __init__(self, process):
        self.process = process
        self.key = process.credentials()["api_key"]
        self.client = process.client(self.key)
        self.api = Api(self.client, "/api/v2")

    def by_sdk(self, method):
        """Return the status of an error of the official SDK, or None."""
        with cleanlist_ai.Cleanlist(access_token=self.key, host=self.process.base_url) as client:
            try:
                method(client)
            except ApiException as error:
                return error.status
        return None

    def balance(self):
        return self.api.balance()

    def phone_number(self):
        body = {"lead_list_id": "DEFAULT", "linkedin_url": "linkedin.com/in/contact-0042", "enrichment_type": "full"}
        answer = self.client.post("/api/v2/enrichment/person", json=body).json()
        return answer["error"]["code"] if "error" in answer else "started"

    def keys(self):
        return self.process.session().get("/api/v1/api-keys").status_code

    def search(self):
        return self.client.post("/api/v2/search/people", json={"filters": {"titles": ["VP of"]}}).status_code

    def lists(self):
        return self.by_sdk(lambda client: client.lead_lists.list_lists())

    def whoami(self):
        return self.by_sdk(lambda client: client.workspace.whoami())

    def seven_calls(self):
        return [self.client.get("/api/v2/whoami").status_code for _ in range(7)]

    def is_slow(self):
        began = time.monotonic()
        assert self.client.get("/api/v2/whoami").status_code == 200
        return time.monotonic() - began >= 2

    def delivery(self):
        body = {
            "enrichment_type": "partial",
            "contacts": [{"linkedin_url": "linkedin.com/in/contact-0042"}],
            "webhook_url": "https://hooks.example-3.test/",
        }
        started = self.client.post("/api/v1/public/enrich/bulk", json=body).json()
        path = f"/api/v1/public/webhooks/deliveries?workflow_id={started['workflow_id']}"
        self.process.control("limits", {"organization": 0, "key": 0})  # to poll
        first = wait_for(lambda: self.client.get(path).json()["deliveries"], bool)[0]
        return first["response_status_code"]

    def crm(self):
        row = sync(self.api, "crm", "hubspot", mixed_list(self.api))["results"][0]
        return (row["error"] or "done")[:3]

    def agent(self):
        self.process.control("limits", {"organization": 0, "key": 0})
        run = run_agent(self.api, mixed_list(self.api))["task_id"]
        end = time.monotonic() + 3
        while (status := self.api("GET", f"/smart-agents/{run}")["status"]) != "completed" and time.monotonic() < end:
            time.sleep(0.1)
        return status


SEES = [
    ("low_credits", Seen.balance, 3, 5000),
    ("low_credits", Seen.phone_number, "insufficient_credits", "started"),
    ("out_of_credits", Seen.balance, 0, 5000),
    ("free_plan", Seen.keys, 403, 200),
    ("free_plan", Seen.search, 403, 200),
    ("missing_scopes", Seen.lists, 403, None),
    ("revoked_key", Seen.whoami, 401, None),
    ("rate_limited", Seen.seven_calls, [200] * 5 + [429] * 2, [200] * 7),
    ("slow", Seen.is_slow, True, False),
    ("outage", Seen.whoami, 503, None),
    ("webhooks_failing", Seen.delivery, 503, None),
    ("expired_crm", Seen.crm, "401", "don"),
    ("agents_waiting", Seen.agent, "pending", "completed"),
]


@pytest.mark.parametrize(("name", "look", "then", "normally"), SEES, ids=lambda value: getattr(value, "__name__", None))
def test_a_client_sees_it_until_the_next_one(seen, name, look, then, normally):
    assert seen.process.control(f"scenarios/{name}")["scenario"] == name
    assert look(seen) == then
    seen.process.control("scenarios/normal")
    assert look(seen) == normally


def test_a_flaky_service_fails_at_the_same_calls_each_time(seen):
    def statuses():
        seen.process.control("scenarios/flaky")
        return [seen.client.get("/api/v2/whoami").status_code for _ in range(25)]

    first = statuses()
    assert set(first) == {200, 503}
    assert statuses() == first


def test_who_waits_as_told_finds_the_connection_open(process):
    """uvicorn's own five seconds are also a usual Retry-After: the next call would meet the end of the connection."""
    connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=6)
    connection.request("GET", "/healthz")
    assert connection.getresponse().read()
    with pytest.raises(TimeoutError):
        connection.sock.recv(1)
    connection.close()


def test_it_ends_what_was_set_one_by_one(seen):
    seen.process.control("faults", {"kind": "status", "status": 500})
    seen.process.control("limits", {"organization": 0, "key": 1})
    seen.process.control("scenarios/low_credits")
    assert seen.seven_calls() == [200] * 7
    state = seen.process.control("state", method="GET")
    assert state["faults"] == []


def test_each_one_is_listed_and_tried_in_the_docs_and_by_a_test_here(seen):
    listed = seen.process.control("scenarios", method="GET")["scenarios"]
    assert {name for name, *_ in SEES} | {"normal", "flaky"} == set(listed)
    assert all(about.endswith(".") and "\n" not in about for about in listed.values())
    document = seen.client.get("/docs/openapi.json").json()
    (name,) = document["paths"]["/_sandbox/scenarios/{name}"]["post"]["parameters"][:1]
    assert name["schema"]["enum"] == list(listed)
    with pytest.raises(httpx.HTTPStatusError, match="422"):
        seen.process.control("scenarios/nothing")


def test_it_begins_in_one_and_a_key_that_was_revoked_comes_back(tmp_path):
    with SandboxProcess(tmp_path / "data", "--scenario", "revoked_key") as process:
        token = process.credentials()["control_token"]  # issues another key, which works
        assert process.client().get("/api/v2/whoami").status_code == 200
        keys = process.control("state", method="GET")["organizations"][0]["keys"]
        assert [key["is_active"] for key in keys] == [False, True]
        process.control("scenarios/normal")
        keys = process.control("state", method="GET")["organizations"][0]["keys"]
        assert [key["is_active"] for key in keys] == [True, True]
        assert token == process.credentials(fresh=True)["control_token"]


def active_keys(process):
    keys = process.control("state", method="GET")["organizations"][0]["keys"]
    return [key for key in keys if key["is_active"]]


@pytest.mark.parametrize("back", ["scenarios/normal", "reset"])
def test_as_at_the_start_the_shown_key_works_and_those_made_since_do_not(seen, back):
    session = seen.process.session()
    made = [session.post("/api/v1/api-keys").json()["api_key"] for _ in range(9)]
    assert session.post("/api/v1/api-keys").status_code == 400
    session.post("/api/v1/api-keys/revoke-all")
    assert seen.client.get("/api/v2/whoami").status_code == 401
    assert session.post("/api/v1/api-keys").status_code == 200
    seen.process.control(back)
    assert seen.client.get("/api/v2/whoami").status_code == 200
    assert len(active_keys(seen.process)) == 1
    assert seen.process.client(made[0]).get("/api/v2/whoami").status_code == 401
    assert session.post("/api/v1/api-keys").status_code == 200


def test_a_reset_with_everything_leaves_nothing_of_what_was_done(seen):
    seen.process.control("scenarios/expired_crm")
    seen.process.session().post("/api/v1/api-keys")
    run = run_agent(seen.api, mixed_list(seen.api))["task_id"]
    assert seen.phone_number() == "started"
    answer = seen.process.control("reset", {"everything": True})
    assert answer["credits"] == 5000
    state = seen.process.control("state", method="GET")
    (organization,) = state["organizations"]
    assert (state["scenario"], state["logged_requests"], organization["lead_lists"]) == ("normal", 0, [])
    (key,) = organization["keys"]
    assert (key["is_active"], key["request_count"]) == (True, 0)
    seen.api("GET", f"/smart-agents/{run}", 404)
    assert seen.crm() == "don"
    assert seen.phone_number() == "started"


def test_a_reset_while_work_runs_is_no_failure(seen):
    contacts = [{"linkedin_url": f"linkedin.com/in/contact-{number:04d}"} for number in range(60)]
    body = {"enrichment_type": "partial", "contacts": contacts, "webhook_url": "https://hooks.example-3.test/"}
    for _ in range(8):
        for _ in range(3):
            seen.client.post("/api/v1/public/enrich/bulk", json=body).raise_for_status()
        time.sleep(0.2)  # the moment does not matter, but some of the work has begun then
        seen.process.control("reset", {"everything": True})
    assert "Traceback" not in seen.process.log()


@pytest.mark.parametrize("end", ["normal", "slow"])
def test_a_key_that_comes_back_makes_no_eleventh(seen, end):
    session = seen.process.session()
    while len(active_keys(seen.process)) < 10:
        session.post("/api/v1/api-keys").raise_for_status()
    seen.process.control("scenarios/revoked_key")
    session.post("/api/v1/api-keys").raise_for_status()
    seen.process.control(f"scenarios/{end}")
    assert len(active_keys(seen.process)) == {"normal": 1, "slow": 10}[end]
    assert seen.client.get("/api/v2/whoami").status_code == 200


def test_what_runs_brings_no_credits_back_to_a_balance_of_none(tmp_path):
    with SandboxProcess(tmp_path / "data") as process:  # at its own pace, which is seconds
        seen = Seen(process)
        assert seen.phone_number() == "started"
        process.control("scenarios/out_of_credits")
        assert seen.balance() == 0
        (organization,) = process.control("state", method="GET")["organizations"]
        assert seen.api.leads(organization["lead_lists"][0]["lead_list_id"])


def test_a_restart_ends_it_and_it_is_shown_where_it_is_in_force(tmp_path):
    process = SandboxProcess(tmp_path / "data", "--scenario", "low_credits")
    with process:
        assert process.process.stdout.readline() == "scenario in force: low_credits\n"
        assert process.control("state", method="GET")["scenario"] == "low_credits"
        assert process.control("scenarios", method="GET")["in_force"] == "low_credits"
        assert "low_credits" in httpx.get(process.base_url).text
        assert Seen(process).balance() == 3
    process.flags = ()
    with process:
        assert process.control("state", method="GET")["scenario"] == "normal"
        assert Seen(process).balance() == 5000


def test_the_other_people_of_the_demo_get_back_only_their_own_scopes(tmp_path):
    with SandboxProcess(tmp_path / "data", "--traffic") as process:
        before = process.control("state", method="GET")["organizations"][0]["users"]
        process.control("scenarios/missing_scopes")
        process.control("scenarios/normal")
        assert process.control("state", method="GET")["organizations"][0]["users"] == before
        with pytest.raises(httpx.HTTPStatusError, match="409"):
            process.control("reset", {"everything": True})


def test_in_memory_it_begins_in_one():
    serve = [sys.executable, "-m", "sandbox", "serve", "--memory", "--port", "0", "--scenario", "out_of_credits"]
    with subprocess.Popen(serve, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().removeprefix("sandbox ready on ").strip()
        key = re.search(r"clapi_[\w-]{64}", httpx.get(url).text)[0]
        answer = httpx.get(f"{url}/api/v2/credits/balance", headers={"Authorization": f"Bearer {key}"})
        process.terminate()
    assert answer.json()["credits"] == 0


def test_one_that_there_is_not_is_refused_with_those_that_there_are():
    refused = command("serve", "--memory", "--scenario", "nothing")
    assert refused.returncode == 2
    assert "outage" in refused.stderr
