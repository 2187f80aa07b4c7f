"""Restarts and crashes, and how the process starts and ends."""

import json
import socket
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.wait import closed_pipe

from .conftest import make_key
from .process import SandboxProcess, command


@pytest.fixture(scope="module")
def stoppable_sandbox(tmp_path_factory):
    """A sandbox of this module's own, for stopping and killing."""
    data_dir = tmp_path_factory.mktemp("stoppable_sandbox") / "data"
    with SandboxProcess(data_dir, "--org-limit", "0", "--key-limit", "0") as running:
        yield running


@pytest.fixture
def process(stoppable_sandbox):
    """The same sandbox, running, without active keys and faults."""
    if stoppable_sandbox.process.poll() is not None:
        stoppable_sandbox.start()
    stoppable_sandbox.control("faults", method="DELETE")
    stoppable_sandbox.session().post("/api/v1/api-keys/revoke-all")
    return stoppable_sandbox


def test_keys_logs_and_credits_survive_a_restart(process):
    key = make_key(process, process.session(), name="kept")
    key.client.get("/api/v1/public/whoami")
    shown = process.credentials(fresh=True)
    process.control("credits", {"organization_id": shown["organization_id"], "credits": 77})
    assert process.stop() == 0
    process.start()
    assert process.client(key.secret).get("/api/v1/public/credits/balance").json()["credits"] == 77
    logged = process.session().get(f"/api/v1/api-keys/{key.id}/requests").json()
    assert [row["path"] for row in logged] == ["/api/v1/public/credits/balance", "/api/v1/public/whoami"]
    assert process.credentials(fresh=True)["api_key"] == shown["api_key"]


def test_a_stop_writes_every_log_row(process):
    key = make_key(process, process.session())
    for _ in range(200):
        key.client.get("/api/v1/public/auth/validate-key")
    process.stop()
    process.start()
    row = next(row for row in process.session().get("/api/v1/api-keys").json() if row["id"] == key.id)
    assert row["request_count"] == 200


def test_a_kill_during_writes_loses_no_acknowledged_key(process):
    created = []
    client = process.session()

    def create_until_dead():
        try:
            while True:
                created.append(client.post("/api/v1/api-keys").raise_for_status().json()["api_key"])
                client.post("/api/v1/api-keys/revoke-all").raise_for_status()
        except httpx.HTTPError:
            return

    writer = threading.Thread(target=create_until_dead)
    writer.start()
    while len(created) < 20:
        time.sleep(0.01)
    process.kill()
    writer.join()
    process.start()
    listed = {row["key_last4"] for row in process.session().get("/api/v1/api-keys").json()}
    assert {secret[-4:] for secret in created} <= listed


def test_a_hung_response_does_not_delay_the_stop(process):
    process.control("faults", {"kind": "hang"})
    with socket.create_connection(("127.0.0.1", process.port)) as waiting:
        waiting.sendall(b"GET /healthz HTTP/1.1\r\nHost: sandbox\r\n\r\n")
        with pytest.raises(httpx.ReadTimeout):
            process.client().get("/healthz", timeout=0.2)
        started = time.monotonic()
        assert process.stop() == 0
        assert time.monotonic() - started < 5


def test_a_busy_port_is_a_message_and_exit_2(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = command("serve", "--port", str(port), "--data", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr == (
        f"sandbox: cannot listen on 127.0.0.1:{port}: the port is in use; choose another with --port\n"
    )


def test_a_broken_database_is_a_message_and_exit_2(tmp_path):
    (tmp_path / "sandbox.sqlite3").write_text("this is no database, and longer than a page header is" * 9)
    done = command("serve", "--port", "0", "--data", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr == f"sandbox: cannot use the database in {tmp_path}: file is not a database\n"


@pytest.mark.parametrize("name", ["credentials", "balance-history"])
def test_commands_that_only_read_create_no_directory(tmp_path, name):
    missing = tmp_path / "deep" / "data"
    done = command(name, "--data", str(missing))
    assert done.returncode == 2
    assert done.stderr.startswith(f"sandbox: cannot use {missing}: directory not found")
    assert not missing.parent.exists()


@pytest.mark.parametrize("name", ["credentials", "balance-history"])
def test_a_closed_pipe_is_no_failure(tmp_path, name):
    with closed_pipe() as pipe:
        done = command(name, "--data", str(tmp_path), stdout=pipe)
    assert (done.returncode, done.stderr) == (0, "")


def test_credentials_work_before_the_first_start(tmp_path):
    (tmp_path / "data").mkdir()
    before = json.loads(command("credentials", "--data", str(tmp_path / "data")).stdout)
    with SandboxProcess(tmp_path / "data") as process:
        assert process.client(before["api_key"]).get("/api/v1/public/whoami").status_code == 200
        assert process.client(before["session_jwt"]).get("/api/v1/api-keys").status_code == 200
        assert process.credentials()["base_url"] == process.base_url


def test_concurrent_calls_return_the_same_credentials(tmp_path):
    (tmp_path / "data").mkdir()
    with ThreadPoolExecutor() as pool:
        asked = [pool.submit(command, "credentials", "--data", str(tmp_path / "data")) for _ in range(3)]
    shown = [json.loads(response.result().stdout) for response in asked]
    for name in ("api_key", "control_token", "clerk_client_token"):
        assert len({credentials[name] for credentials in shown}) == 1


def test_credentials_show_the_same_key_until_it_is_revoked(process):
    first = process.credentials(fresh=True)["api_key"]
    assert process.credentials(fresh=True)["api_key"] == first
    process.session().post("/api/v1/api-keys/revoke-all")
    second = process.credentials(fresh=True)["api_key"]
    assert second != first
    assert process.client(second).get("/api/v1/public/whoami").status_code == 200


def test_credentials_fail_if_the_user_has_ten_other_keys(process):
    session = process.session()
    for _ in range(10):
        make_key(process, session)
    done = command("credentials", "--data", str(process.data_dir))
    assert done.returncode == 2
    assert "Maximum active API keys reached" in done.stderr


def test_the_balance_history_ends_with_the_current_balance(process):
    organization = process.credentials()["organization_id"]
    process.control("credits", {"organization_id": organization, "credits": 4321.5})
    process.control("credits", {"organization_id": organization, "credits": 77})
    header, *lines = command("balance-history", "--data", str(process.data_dir), "--every", "3600").stdout.splitlines()
    assert header == "time,credits"
    assert float(lines[-1].split(",")[1]) == 77
    assert command("balance-history", "--data", str(process.data_dir), "--every", "0").returncode == 2


def test_files_with_secrets_are_private(process):
    process.credentials()
    readable = [path for path in process.data_dir.iterdir() if not path.name.startswith("sandbox.sqlite3")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in readable} == {0o600}
    assert stat.S_IMODE(process.data_dir.stat().st_mode) == 0o700


def test_docs_load_nothing_from_other_hosts(process):
    page = process.client().get("/docs").text
    assert "http://" not in page
    assert "https://" not in page
    assert process.client().get("/docs/assets/swagger-ui-bundle.js").status_code == 200
    assert process.client().get("/openapi.json").json()["openapi"].startswith("3.1")
    assert process.client().get("/docs/openapi.json").json()["openapi"].startswith("3.0")


def test_health(process):
    assert process.client().get("/healthz").json() == {"status": "ok"}
