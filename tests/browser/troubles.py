"""Each symptom of the two user documents, made for real at the sandbox of a running console."""

import json
import time

import httpx

BULK = "/api/v1/public/enrich/bulk"
STATUS = "/api/v1/public/enrich/status"
KEYS = "/api/v1/api-keys"
FOUND = {"linkedin_url": "https://www.linkedin.com/in/contact-0042"}
NOBODY = {"linkedin_url": "https://www.linkedin.com/in/contact-0019"}
NAME = "Made by a test"


class Upstream:
    """The sandbox, as its customer and as its operator."""

    def __init__(self, console):
        self.url = console.sandbox_url
        self.known = console.sandbox_credentials()
        self.key = self.known["api_key"]
        self.http = httpx.Client(base_url=self.url, timeout=30)
        # Calls are made with a key of their own: the console spends the 30 a minute of the one that it holds.
        self.own_key = self.manage("POST", json={"name": "Calls of the tests"}).raise_for_status().json()["api_key"]

    def close(self):
        """End what is still wrong, and the connections."""
        self.control("faults", method="DELETE")
        self.revoke_made("Calls of the tests")
        self.http.close()

    def call(self, method, path, token="", **options):
        headers = {"Authorization": f"Bearer {token or self.own_key}", "User-Agent": "test-suite/1.0"}
        return self.http.request(method, path, headers=headers, **options)

    def manage(self, method, path="", **options):
        return self.call(method, f"{KEYS}{path}", self.known["session_jwt"], **options)

    def control(self, path, body=None, method="POST"):
        headers = {"X-Sandbox-Control": self.known["control_token"]}
        answer = self.http.request(method, f"/_sandbox/{path}", json=body, headers=headers)
        return answer.raise_for_status().json()

    def organization(self, **change):
        return {"organization_id": self.known["organization_id"], **change}

    def state(self):
        organizations = self.control("state", method="GET")["organizations"]
        return next(one for one in organizations if one["organization_id"] == self.known["organization_id"])

    def new_key(self):
        return self.manage("POST", json={"name": NAME}).raise_for_status().json()["api_key"]

    def revoke_made(self, name=NAME):
        for key in self.manage("GET").json():
            if key["name"] == name and key["is_active"]:
                self.manage("POST", f"/{key['id']}/revoke").raise_for_status()

    def finished(self, contacts):
        """Enrich ``contacts`` and return the workflow once it is done."""
        workflow = self.call("POST", BULK, json={"contacts": contacts}).raise_for_status().json()["workflow_id"]
        while self.call("GET", STATUS, params={"workflow_id": workflow}).json()["status"] == "processing":
            time.sleep(0.5)  # upstream has no other way to tell, and limits how often it may be asked
        return workflow


def raw(answer):
    """An answer as ``curl -i`` shows it."""
    head = [f"HTTP/1.1 {answer.status_code} {answer.reason_phrase}", *(f"{k}: {v}" for k, v in answer.headers.items())]
    return "\n".join(head) + "\n\n" + answer.text


def command(upstream, header, path=BULK, body=None):
    data = f" -d '{json.dumps(body)}'" if body else ""
    return f"curl {upstream.url}{path} -H '{header}'{data}"
