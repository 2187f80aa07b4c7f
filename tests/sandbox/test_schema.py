"""Thousands of generated calls, valid and invalid, from the published OpenAPI document."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from .process import SandboxProcess

CONFIG = Path(__file__).with_name("schemathesis.toml")


@pytest.fixture
def unlimited_sandbox(tmp_path):
    """A sandbox of its own, with credits for every call."""
    with SandboxProcess(tmp_path / "data", "--org-limit", "0", "--key-limit", "0") as process:
        organization = process.credentials()["organization_id"]
        process.control("credits", {"organization_id": organization, "credits": 1_000_000_000})
        yield process


def run_schemathesis(process, directory):
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", CONFIG, "run"]
    options = ["--url", process.base_url, "--checks", "all", "--phases", "coverage,fuzzing", "--no-color"]
    header = ["--header", f"Authorization: Bearer {process.credentials()['session_jwt']}"]
    # Its files (replays, example database) belong into the test's directory.
    return subprocess.run(
        [*command, f"{process.base_url}/openapi.json", *options, *header],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.timeout(300)  # all operations of both versions
def test_every_response_matches_the_document(unlimited_sandbox, tmp_path):
    done = run_schemathesis(unlimited_sandbox, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    generated = int(re.search(r"(\d+) generated", done.stdout)[1])
    assert generated >= 4000
    assert "Traceback" not in unlimited_sandbox.log()
