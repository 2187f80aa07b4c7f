"""The page for developers: what it shows is what is sent, and its receivers do what it says."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from django.urls import reverse

from tests.console_process import free_port
from tests.wait import wait_until
from tests.webhooks.attempts import READ_AT, attempt
from tests.webhooks.receivers import receiver, remembering
from webhooks import payloads
from webhooks.ingest.attempts import ingest_page
from webhooks.views import developers

EXAMPLES = Path(developers.__file__).parents[1] / "examples"
RECEIVERS = {"Python": [sys.executable, "receiver.py"], "Node": ["node", "receiver.mjs"]}
RUNNERS = {"curl": ["bash", "-c"], "python": [sys.executable, "-c"], "node": ["node", "--input-type=module", "-e"]}


@pytest.fixture(params=RECEIVERS)
def running_receiver(request, tmp_path):
    """A sample receiver in a process of its own; gives its URL and its folder."""
    program, file = RECEIVERS[request.param]
    assert shutil.which(program), f"Install {program}: its receiver is run here."
    port = free_port()
    with subprocess.Popen([program, str(EXAMPLES / file), str(port), str(tmp_path)], stdout=subprocess.DEVNULL) as one:
        url = f"http://127.0.0.1:{port}/"
        wait_until(lambda: is_listening(url))
        yield url, tmp_path
        one.terminate()


def is_listening(url):
    try:
        httpx.get(url)
    except httpx.TransportError:
        return False
    return True


def test_a_sample_receiver_keeps_each_result_once_and_refuses_strangers(running_receiver):
    url, folder = running_receiver
    (folder / "mine.started").touch()

    def send(body, headers=None):
        return httpx.post(
            url, content=body if isinstance(body, bytes) else json.dumps(body), headers=headers
        ).status_code

    assert send({"workflow_id": "mine", "results": [1]}) == 200
    assert send({"workflow_id": "mine", "results": [2]}) == 200  # a repeat
    assert json.loads((folder / "mine.json").read_text())["results"] == [1]
    for stranger in ("unknown", "../mine", "", None, {"a": 1}):
        assert send({"workflow_id": stranger}) == 404
    assert send(b"not JSON") == 400
    assert send({}, {payloads.TEST_HEADER: "x"}) == 204
    assert sorted(path.name for path in folder.iterdir()) == ["mine.json", "mine.started"]


@pytest.mark.parametrize("name", RUNNERS)
def test_a_snippet_sends_what_a_webhook_carries(name):
    program = name if name in {"curl", "node"} else RUNNERS[name][0]
    assert shutil.which(program), f"Install {program}: its snippet is run here."
    seen = []
    with receiver(remembering(seen)) as url:
        snippet = next(one for one in developers.requests_to(f"{url}?a='b'&c=[1]") if one.name == name)
        done = subprocess.run([*RUNNERS[name], snippet.code], capture_output=True, text=True, timeout=30, check=False)

    assert "200" in done.stdout, done.stderr
    assert seen[0].body == developers.body()
    assert seen[0].headers["Content-Type"] == "application/json"


@pytest.mark.django_db
def test_the_page_shows_the_request_to_the_endpoint_used_last_without_its_token(client, viewer, workspace):
    client.force_login(viewer)
    page = client.get(reverse("webhooks:developers", args=[workspace.slug])).text
    assert developers.EXAMPLE_URL in page

    ingest_page(workspace, [attempt(url="https://hooks.example.com/in?token=hush")], READ_AT)
    page = client.get(reverse("webhooks:developers", args=[workspace.slug])).text
    assert "https://hooks.example.com/in" in page
    assert "hush" not in page
    assert payloads.REDELIVERY_HEADER in page
