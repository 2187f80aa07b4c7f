"""A bulk enrichment over HTTP, from submit to charge and webhook."""

import http.server
import json
import threading
import time

import pytest

KNOWN = {"linkedin_url": "https://linkedin.com/in/contact-0042"}
UNKNOWN = {"first_name": "Contact", "last_name": "9999", "company_domain": "nowhere.test"}


@pytest.fixture
def receiver():
    """A webhook receiver on loopback that records its requests."""
    received = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        server.url = f"http://127.0.0.1:{server.server_port}/hook"
        server.received = received
        yield server
        server.shutdown()


def wait_for(condition):
    deadline = time.monotonic() + 30
    while not (result := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return result


def status(client, workflow_id):
    return client.get("/api/v1/public/enrich/status", params={"workflow_id": workflow_id}).json()


def test_a_workflow_reserves_runs_settles_and_sends_its_webhook(key, receiver):
    balance = key.client.get("/api/v1/public/credits/balance").json()["credits"]
    request = {"enrichment_type": "full", "contacts": [KNOWN, UNKNOWN], "webhook_url": receiver.url}
    accepted = key.client.post("/api/v1/public/enrich/bulk", json=request).json()
    assert accepted["workflow_id"].startswith("public_bulk_")
    assert (accepted["status"], accepted["total_contacts"]) == ("processing", 2)
    assert key.client.get("/api/v1/public/credits/balance").json()["credits"] == balance - 22

    wait_for(lambda: receiver.received)
    finished = status(key.client, accepted["workflow_id"])
    assert (finished["status"], finished["progress"]) == ("completed", 100)
    assert key.client.get("/api/v1/public/credits/balance").json()["credits"] == balance - 11
    assert receiver.received[0]["event"] == "enrichment.completed"
    assert receiver.received[0]["workflow_id"] == accepted["workflow_id"]

    asked = {"workflow_id": accepted["workflow_id"]}
    log = "/api/v1/public/webhooks/deliveries"
    (attempt,) = wait_for(lambda: key.client.get(log, params=asked).json()["deliveries"])
    assert (attempt["attempt_number"], attempt["status"]) == (1, "success")
    assert (attempt["response_status_code"], attempt["error_message"]) == (204, None)


def test_the_status_of_a_single_task(key):
    accepted = key.client.post("/api/v1/public/enrich/bulk", json={"contacts": [KNOWN]}).json()
    asked = {"task_id": accepted["task_ids"][0]}

    def finished():
        response = key.client.get("/api/v1/public/enrich/status", params=asked).json()
        return response if response["status"] != "processing" else None

    assert wait_for(finished)["results"][0]["primary_email"] == "contact-0042@example-17.test"
