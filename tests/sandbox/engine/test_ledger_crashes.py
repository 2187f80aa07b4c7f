"""The ledger after random work that was killed again and again: it adds up, and nothing stays reserved."""

import base64
import os
import random
import sqlite3
import threading
import time
import uuid

import httpx

from tests.sandbox.process import SandboxProcess

# Enough for every kind of operation to be interrupted; OPERATIONS=10000 in the environment takes minutes.
OPERATIONS = int(os.environ.get("OPERATIONS", "120"))
KILLS = 3
THREADS = 4
KINDS = ["partial", "phone_only", "full"]


class Worker(threading.Thread):
    """Calls random operations until it is told to stop; a killed server is an error like any other."""

    def __init__(self, process, seed, done):
        super().__init__()
        self.process = process
        self.rng = random.Random(seed)
        self.done = done
        self.stopping = threading.Event()
        self.list_id = None

    def run(self):
        operations = [self.bulk, self.person, self.company, self.csv, self.list, self.agent]
        with httpx.Client(base_url=self.process.base_url, headers=self.headers(), timeout=30) as client:
            while not self.stopping.is_set():
                try:
                    self.rng.choice(operations)(client)
                except (httpx.HTTPError, KeyError):
                    time.sleep(0.01)  # the server is down, or an answer was a refusal
                else:
                    self.done.append(1)

    def headers(self):
        return {"Authorization": f"Bearer {self.process.credentials()['api_key']}"}

    def contacts(self):
        numbers = self.rng.sample(range(2_100), self.rng.randint(1, 8))
        return [f"linkedin.com/in/contact-{number:04d}" for number in numbers]

    def post(self, client, path, body):
        return client.post(f"/api/v2{path}", json=body).json()

    def bulk(self, client):
        contacts = [{"linkedin_url": url} for url in self.contacts()]
        body = {"enrichment_type": self.rng.choice(KINDS), "contacts": contacts}
        client.post("/api/v1/public/enrich/bulk", json=body)

    def person(self, client):
        body = {
            "lead_list_id": "DEFAULT",
            "linkedin_url": self.contacts()[0],
            "enrichment_type": self.rng.choice(KINDS),
        }
        self.post(client, "/enrichment/person", body)

    def company(self, client):
        self.post(client, "/enrichment/company", {"domain": f"example-{self.rng.randrange(30)}.test"})

    def csv(self, client):
        self.list_id = self.list_id or self.post(client, "/lead-lists", {"name": str(uuid.uuid4())})["list_id"]
        content = base64.b64encode("\n".join(["url", *self.contacts()]).encode()).decode()
        body = {"csv_content_base64": content, "column_mapping": {"linkedin_url": "url"}, "enrichment_type": "full"}
        self.post(client, f"/lead-lists/{self.list_id}/csv-import", body)

    def list(self, client):
        asked = {"list_id": self.list_id or "none", "scope": "partial"}
        quote = self.post(client, "/credits/estimate", {"tool": "enrich_list", **asked})["quote_id"]
        self.post(client, "/enrichment/bulk", {**asked, "quote_id": quote})

    def agent(self, client):
        asked = {"list_id": self.list_id or "none", "agent_type": "title_normalizer"}
        quote = self.post(client, "/credits/estimate", {"tool": "run_smart_agent", **asked})["quote_id"]
        body = {**asked, "column_name": str(self.rng.randrange(20)), "quote_id": quote}
        self.post(client, "/smart-agents/run", body)


def query(process, statement):
    with sqlite3.connect(process.data_dir / "sandbox.sqlite3") as connection:
        rows = connection.execute(statement).fetchall()
    connection.close()
    return rows


def wait_until(condition):
    deadline = time.monotonic() + 60 + OPERATIONS / 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_idle(process):
    statement = """SELECT (SELECT count(*) FROM workflows WHERE status = 'processing')
        + (SELECT count(*) FROM agent_runs WHERE status IN ('pending', 'processing'))"""
    return query(process, statement) == [(0,)]


def test_the_ledger_adds_up_after_kills(tmp_path):
    flags = ("--org-limit", "0", "--key-limit", "0", "--enrichment-pace", "0.2")
    with SandboxProcess(tmp_path / "data", *flags) as process:
        process.control(
            "credits", {"organization_id": process.credentials()["organization_id"], "credits": 25 * OPERATIONS}
        )
        done = []
        workers = [Worker(process, number, done) for number in range(THREADS)]
        for worker in workers:
            worker.start()
        for number in range(KILLS):
            wait_until(lambda reached=OPERATIONS * (number + 1) // (KILLS + 1): len(done) >= reached)
            process.kill()
            process.start()
        wait_until(lambda: len(done) >= OPERATIONS)
        for worker in workers:
            worker.stopping.set()
        for worker in workers:
            worker.join()
        wait_until(lambda: is_idle(process))

        ((balance, entries),) = query(
            process, "SELECT credits, (SELECT sum(amount) FROM ledger_entries) FROM organizations"
        )
        assert balance == entries >= 0
        assert query(process, "SELECT count(*) FROM ledger_entries WHERE balance_after < 0") == [(0,)]
        unreturned = """SELECT workflow_id FROM ledger_entries WHERE kind IN ('reserve', 'release')
            GROUP BY workflow_id HAVING sum(amount) <> 0"""
        assert query(process, unreturned) == []
        unsettled = """SELECT w.id FROM workflows w WHERE w.settled IS NULL OR w.settled <> -coalesce(
            (SELECT sum(amount) FROM ledger_entries WHERE workflow_id = w.id AND kind = 'settle'), 0)"""
        assert query(process, unsettled) == []
        double = "SELECT workflow_id FROM ledger_entries WHERE kind = 'release' GROUP BY 1 HAVING count(*) > 1"
        assert query(process, double) == []
        # What an agent charged is half a credit for each value that it found itself.
        agents = """SELECT -coalesce(sum(amount), 0) FROM ledger_entries
            WHERE workflow_id IN (SELECT id FROM agent_runs)"""
        ((charged,),) = query(process, agents)
        assert charged == 5_000 * query(process, "SELECT count(*) FROM agent_cells")[0][0]
        assert charged > 0
