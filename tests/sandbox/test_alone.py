"""The sandbox without the console: in memory, its page, and its fixtures for pytest."""

import html
import itertools
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from .process import ROOT, command

USES_THE_FIXTURES = """
import httpx

def get(sandbox, path):
    headers = {"Authorization": f"Bearer {sandbox.api_key}"}
    return httpx.get(sandbox.base_url + path, headers=headers)

def test_it_runs(cleanlist_sandbox):
    assert get(cleanlist_sandbox, "/api/v2/whoami").json()["organization_id"] == cleanlist_sandbox.organization_id
    cleanlist_sandbox.set_credits(12)
    assert get(cleanlist_sandbox, "/api/v2/credits/balance").json()["credits"] == 12

def test_it_fails_on_request(cleanlist_sandbox, cleanlist_faults):
    cleanlist_faults(kind="status", status=503, path="/api/v2/whoami")
    assert get(cleanlist_sandbox, "/api/v2/whoami").status_code == 503

def test_only_for_one_test(cleanlist_sandbox):
    assert get(cleanlist_sandbox, "/api/v2/whoami").status_code == 200
"""

# Each spoils what the other one needs.
SPOILS_IT = """
import httpx
import pytest

def call(sandbox, method, path, token, **body):
    return httpx.request(method, sandbox.base_url + path, headers={"Authorization": f"Bearer {token}"}, **body)

def is_as_at_the_start(sandbox):
    balance = call(sandbox, "GET", "/api/v2/credits/balance", sandbox.api_key)
    lists = call(sandbox, "GET", "/api/v2/lead-lists", sandbox.api_key)
    keys = call(sandbox, "GET", "/api/v1/api-keys", sandbox.session_jwt)
    return balance.json()["credits"] == 5000 and "Mine" not in lists.text and len(keys.json()) == 1

def test_a(cleanlist_sandbox):
    assert is_as_at_the_start(cleanlist_sandbox)
    call(cleanlist_sandbox, "POST", "/api/v2/lead-lists", cleanlist_sandbox.api_key, json={"name": "Mine"})
    assert not is_as_at_the_start(cleanlist_sandbox)
    call(cleanlist_sandbox, "POST", "/api/v1/api-keys/revoke-all", cleanlist_sandbox.session_jwt)

def test_b(cleanlist_sandbox, cleanlist_faults, cleanlist_scenario):
    assert is_as_at_the_start(cleanlist_sandbox)
    call(cleanlist_sandbox, "POST", "/api/v1/api-keys", cleanlist_sandbox.session_jwt)
    cleanlist_sandbox.set_credits(1)
    cleanlist_faults(kind="drop")
    cleanlist_scenario("revoked_key")

def test_names(cleanlist_scenario):
    with pytest.raises(ValueError, match="'nope'; there are normal, low_credits"):
        cleanlist_scenario("nope")

def test_why(cleanlist_faults):
    with pytest.raises(httpx.HTTPStatusError, match="pth"):
        cleanlist_faults(kind="drop", pth="/x")
"""


@pytest.fixture
def in_memory():
    command = [sys.executable, "-m", "sandbox", "serve", "--memory", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        yield process, process.stdout.readline().removeprefix("sandbox ready on ").strip()
        process.terminate()


def test_in_memory_it_shows_its_key_and_the_latest_calls(in_memory):
    _, url = in_memory
    page = httpx.get(url)
    key = re.search(r"Bearer (clapi_[\w-]{64})\"", page.text)[1]
    assert "None yet" in page.text
    headers = {"Authorization": f"Bearer {key}"}
    assert httpx.get(f"{url}/api/v2/whoami", headers=headers).status_code == 200
    assert httpx.get(f"{url}/api/v2/<script>", headers=headers).status_code == 404
    page = httpx.get(url)
    assert "<td>/api/v2/whoami<td>200" in page.text
    assert "<script>" not in page.text
    elsewhere = httpx.get(url, headers={"Host": "rebound.example"})
    assert "clapi_" not in elsewhere.text
    assert "whoami<td>" not in elsewhere.text


def test_in_memory_it_prints_how_to_get_its_tokens(in_memory):
    process, url = in_memory
    said = process.stdout.readline()
    data = re.search(r"control token: python -m sandbox credentials --data (\S+)$", said)[1]
    credentials = json.loads(command("credentials", "--data", data).stdout)
    headers = {"X-Sandbox-Control": credentials["control_token"]}
    assert httpx.get(f"{url}/_sandbox/state", headers=headers).status_code == 200
    headers = {"Authorization": f"Bearer {credentials['session_jwt']}"}
    assert httpx.get(f"{url}/api/v1/api-keys", headers=headers).status_code == 200


def test_what_the_page_shows_works(in_memory):
    _, url = in_memory
    page = httpx.get(url)
    examples = [html.unescape(text) for text in re.findall(r"<pre><code>(.*?)</code></pre>", page.text, re.DOTALL)]
    assert len(examples) == 3
    for curl in examples[:2]:
        words = shlex.split(curl)
        sent = dict(each.split(": ", 1) for flag, each in itertools.pairwise(words) if flag == "-H")
        body = words[words.index("-d") + 1] if "-d" in words else None
        answer = httpx.request("POST" if body else "GET", words[1], headers=sent, content=body)
        assert answer.status_code == 200, answer.text
    done = subprocess.run([sys.executable, "-c", examples[2]], capture_output=True, text=True, check=False)
    assert "org_sandbox" in done.stdout, done.stderr
    assert "/_sandbox" in page.text


def test_the_page_can_be_framed_by_nobody(sandbox):
    headers = httpx.get(sandbox.base_url).headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_in_memory_it_leaves_nothing_behind(in_memory):
    process, url = in_memory
    assert httpx.get(f"{url}/healthz").status_code == 200
    maps = Path(f"/proc/{process.pid}/maps").read_text()
    (folder,) = set(re.findall(r"(/\S+/cleanlist-sandbox-[^/\s]+)", maps))
    assert Path(folder).is_dir()
    process.terminate()
    assert process.wait(15) == 0
    assert not Path(folder).exists()


def test_a_lasting_one_shows_no_key(sandbox):
    page = httpx.get(sandbox.base_url).text
    assert sandbox.credentials()["api_key"] not in page
    assert "clapi_" not in page
    assert "credentials --data DIR" in page


def test_data_has_to_be_somewhere_or_nowhere(tmp_path):
    for arguments in ([], ["--memory", "--data", str(tmp_path)]):
        done = subprocess.run(
            [sys.executable, "-m", "sandbox", "serve", *arguments], cwd=ROOT, capture_output=True, check=False
        )
        assert done.returncode == 2


def run_pytest(folder, text, *arguments):
    """Run the tests of somebody else, who has only the plugin; returns what pytest says."""
    (folder / "test_mine.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-p", "sandbox.pytest_plugin", "-p", "no:cacheprovider", "-q"]
    tests = [f"{folder}/test_mine.py{argument}" for argument in arguments or [""]]
    done = subprocess.run(
        [*command, "--rootdir", str(folder), *tests],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_the_fixtures_work_in_the_tests_of_others(tmp_path):
    said = run_pytest(tmp_path, USES_THE_FIXTURES)
    assert "3 passed" in said, said


@pytest.mark.parametrize("order", [("::test_a", "::test_b"), ("::test_b", "::test_a")])
def test_whatever_a_test_does_the_next_one_begins_as_at_the_start(tmp_path, order):
    said = run_pytest(tmp_path, SPOILS_IT, *order, "::test_names", "::test_why")
    assert "4 passed in" in said, said


def test_a_script_that_starts_it_chooses_the_control_token():
    serve = [sys.executable, "-m", "sandbox", "serve", "--memory", "--port", "0"]
    environment = {"PATH": "", "CLEANLIST_CONTROL_TOKEN": "chosen-by-a-script"}
    with subprocess.Popen(serve, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().removeprefix("sandbox ready on ").strip()
        headers = {"X-Sandbox-Control": "chosen-by-a-script"}
        assert httpx.post(f"{url}/_sandbox/scenarios/outage", headers=headers).status_code == 200
        data = re.search(r"--data (\S+)$", process.stdout.readline())[1]
        assert json.loads(command("credentials", "--data", data).stdout)["control_token"] == "chosen-by-a-script"
        assert f"credentials --data {data}</code>" in httpx.get(url).text
        process.terminate()


@pytest.mark.parametrize("token", ["short", "with spaces in it all", "ünencodable-in-a-header"])
def test_a_token_that_can_be_guessed_or_not_be_sent_is_refused(token):
    serve = [sys.executable, "-m", "sandbox", "serve", "--memory", "--port", "0"]
    environment = {"PATH": "", "CLEANLIST_CONTROL_TOKEN": token}
    done = subprocess.run(serve, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 2
    assert "CLEANLIST_CONTROL_TOKEN" in done.stderr
