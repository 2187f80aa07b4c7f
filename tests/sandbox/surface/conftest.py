import base64
import time
import uuid

import pytest

from tests.sandbox import published

PREFIXES = ("/api/v2", "/api/v1/public")


class Api:
    """A client of one version, whose answers are checked against the published document; each call is one path."""

    def __init__(self, client, prefix):
        self.client = client
        self.prefix = prefix

    def __call__(self, method, path, status=200, **options):
        response = self.client.request(method, self.prefix + path, **options)
        assert response.status_code == status, response.text
        assert response.headers["X-Request-Id"].startswith("req_")
        return published.check(response).json()

    def error(self, method, path, status, code, **options):
        """Assert a refusal in the envelope and return what is in it."""
        error = self(method, path, status, **options)["error"]
        assert error["code"] == code
        return error

    def new_list(self, name=None, **fields):
        return self("POST", "/lead-lists", 201, json={"name": name or f"List {uuid.uuid4()}", **fields})["list_id"]

    def import_rows(self, list_id, text, mapping=None, status=201, **fields):
        mapping = mapping or {name: name for name in text.splitlines()[0].split(",")}
        body = {"csv_content_base64": base64.b64encode(text.encode()).decode(), "column_mapping": mapping}
        body |= {"dispatch_enrichment": False, **fields}
        return self("POST", f"/lead-lists/{list_id}/csv-import", status, json=body)

    def list_of(self, numbers, **fields):
        """Return a list with these contacts of the documentation as its leads."""
        list_id = self.new_list()
        rows = "".join(f"linkedin.com/in/contact-{number:04d}\n" for number in numbers)
        self.import_rows(list_id, f"linkedin_url\n{rows}", **fields)
        return list_id

    def leads(self, list_id):
        return self("GET", f"/lead-lists/{list_id}/leads?limit=500")["leads"]

    def quote(self, tool, **fields):
        return self("POST", "/credits/estimate", json={"tool": tool, **fields})

    def balance(self):
        return self.client.get("/api/v2/credits/balance").json()["credits"]

    def finished(self, workflow_id):
        """Poll a workflow until it has ended."""
        return wait_for(
            lambda: self("GET", f"/enrichment/status/{workflow_id}"), lambda body: body["status"] != "running"
        )


def wait_for(ask, is_done):
    deadline = time.monotonic() + 30
    while not is_done(body := ask()):
        assert time.monotonic() < deadline, body
        time.sleep(0.1)
    return body


@pytest.fixture(params=PREFIXES)
def api(request, key):
    """The newer surface at each of its addresses."""
    return Api(key.client, request.param)


@pytest.fixture
def v2(key):
    """The newer surface at its present address."""
    return Api(key.client, PREFIXES[0])
