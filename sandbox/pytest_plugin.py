"""Fixtures for the tests of whoever integrates with Cleanlist: `pytest_plugins = ["sandbox.pytest_plugin"]`.

`cleanlist_sandbox` is a running sandbox of the test session, `cleanlist_faults` lets its answers fail, and
`cleanlist_scenario` puts it into a named state. After each test that used one of them all is as at the start.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import httpx
import pytest

# The folder that has the package, in a checkout and where it is installed.
ROOT = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "sandbox"]
# The session token is made once, and has to hold for the whole run.
SESSION_SECONDS = 7 * 24 * 3600
FAST = ("--org-limit", "0", "--key-limit", "0", "--enrichment-pace", "0.05", "--allow-local-webhooks")


@dataclass(frozen=True, slots=True)
class RunningSandbox:
    """Its address, a key and a session token for it, and its control surface."""

    base_url: str
    api_key: str
    session_jwt: str
    organization_id: str
    control_token: str

    def control(self, path: str, body: dict[str, object] | None = None, method: str = "POST") -> dict[str, object]:
        """Call the control surface, such as `control("credits", {...})`. Raises `httpx.HTTPStatusError` with why."""
        headers = {"X-Sandbox-Control": self.control_token}
        answer = httpx.request(method, f"{self.base_url}/_sandbox/{path}", json=body, headers=headers, timeout=30)
        if answer.is_error:
            problem = f"/_sandbox/{path} answered {answer.status_code}: {answer.text}"
            raise httpx.HTTPStatusError(problem, request=answer.request, response=answer)
        content: dict[str, object] = answer.json()
        return content

    def set_credits(self, amount: float) -> None:
        """Set the balance."""
        self.control("credits", {"organization_id": self.organization_id, "credits": amount})

    def scenario(self, name: str) -> None:
        """Put a scenario in force, such as "outage"; "normal" ends it. Raises `ValueError` for an unknown one."""
        known = cast("dict[str, str]", self.control("scenarios", method="GET")["scenarios"])
        if name not in known:
            raise ValueError(f"there is no scenario {name!r}; there are {', '.join(known)}")
        self.control(f"scenarios/{name}")

    def reset(self) -> None:
        """Begin anew: no scenario or fault, the key valid, all credits, and nothing of what was done."""
        self.control("reset", {"everything": True})


@pytest.fixture(scope="session")
def cleanlist_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    """Run a sandbox without rate limits, and with quick enrichments, for the whole session."""
    data = tmp_path_factory.mktemp("cleanlist") / "data"
    serve = [*COMMAND, "serve", "--port", "0", "--data", str(data), *FAST]
    with subprocess.Popen(serve, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline() if process.stdout else ""
        if not line.startswith("sandbox ready on "):
            pytest.fail("the sandbox did not start; its error output says why")
        yield _credentials(data)
        process.terminate()


@pytest.fixture(autouse=True)
def _cleanlist_reset(request: pytest.FixtureRequest) -> Iterator[None]:
    """Reset the sandbox after each test that used it; the others start none."""
    yield
    if "cleanlist_sandbox" in request.fixturenames:
        request.getfixturevalue("cleanlist_sandbox").reset()


@pytest.fixture
def cleanlist_faults(cleanlist_sandbox: RunningSandbox) -> Callable[..., None]:
    """Let answers fail for one test: `cleanlist_faults(kind="status", status=503, path="/api/v2/*", times=1)`."""

    def add(**fault: object) -> None:
        cleanlist_sandbox.control("faults", fault)

    return add


@pytest.fixture
def cleanlist_scenario(cleanlist_sandbox: RunningSandbox) -> Callable[[str], None]:
    """Put the sandbox into a named state for one test: `cleanlist_scenario("outage")`."""
    return cleanlist_sandbox.scenario


def _credentials(data: Path) -> RunningSandbox:
    command = [*COMMAND, "credentials", "--data", str(data), "--session-lifetime", str(SESSION_SECONDS)]
    shown = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)
    return RunningSandbox(**{name: shown[name] for name in RunningSandbox.__slots__})
