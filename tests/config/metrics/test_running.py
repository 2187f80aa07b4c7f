"""The whole console tells of itself: what its web process, its worker and its clock have counted is in one answer."""

import httpx
import pytest

from tests.config.metrics.conftest import TOKEN, Scraped
from tests.console_process import RunningConsole
from tests.wait import wait_until

BALANCE = {"endpoint": "GET /api/v1/public/credits/balance", "answer": "200"}
TASKS = {"workspaces.tasks.poll_due", "alerts.tasks.evaluate_rules"}


@pytest.fixture(scope="module")
def console(tmp_path_factory, tables):
    var_dir = tmp_path_factory.mktemp("told")
    running = RunningConsole(var_dir, tables=tables, METRICS_TOKEN=TOKEN, POLL_BALANCE_SECONDS="10")
    running.start()
    assert "Press Ctrl-C to stop everything" in running.text, running.text
    yield running
    running.stop()


@pytest.fixture
def scrape(console):
    def get():
        answer = httpx.get(
            f"http://127.0.0.1:{console.port}/metrics",
            headers={"Authorization": f"Bearer {TOKEN}", "Host": "10.1.2.3"},
            timeout=20,
        )
        assert answer.status_code == 200
        return Scraped(answer.text)

    return get


@pytest.mark.timeout(240)
def test_a_running_console_tells_of_all_its_processes(console, scrape, promtool):
    assert httpx.get(f"{console.url}/{'a' * 20_000}").status_code == 414
    assert httpx.get(f"{console.url}/accounts/login/").status_code == 200

    def is_told():
        found = scrape()
        tasks = {task for (task,) in found.all("console_tasks_total", outcome="succeeded")}
        return (
            found.value("console_http_refused_total", status="414")
            and found.value("console_http_requests_total", view="account_login", method="GET", status="200")
            and found.value(
                "console_upstream_answers_total", endpoint="GET /api/v1/public/credits/balance", answer="200"
            )
            and found.all("console_logged_requests_total", **{"class": "2xx"})
            and len(found.all("console_runway_seconds")) == 3
            and tasks >= TASKS
        )

    wait_until(is_told, 120)
    found = scrape()
    assert promtool("check", "metrics", text=found.text) == (0, "")
    endpoints = {endpoint for (endpoint,) in found.all("console_upstream_answers_total", answer="200")}
    assert "GET /api/v1/api-keys/{id}/requests" in endpoints
    assert not [one for one in endpoints if any(len(part) > 20 for part in one.split("/"))]
