import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command


class Said:
    """How a command ended and what it said."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)


def command(*arguments):
    out, err, code = StringIO(), StringIO(), 0
    try:
        call_command(*arguments, stdout=out, stderr=err)
    except SystemExit as ended:
        code = ended.code
    except CommandError as error:  # what `manage.py` prints before it ends with 1
        code = error.returncode
        err.write(str(error))
    return Said(code, out.getvalue(), err.getvalue())


@pytest.fixture
def write(tmp_path):
    """Write a file for apply; return its path."""

    def put(content, name="set-up.yaml"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return put


@pytest.fixture
def apply(write):
    """Apply a text without being asked."""

    def run(content, *options):
        plan = {"--plan", "--dry-run"} & set(options)
        return command("apply", write(content), *options, *(() if plan else ("--yes",)))

    return run


@pytest.fixture
def known(sandbox, monkeypatch):
    """What a client of the sandbox needs; its key is in the environment as well."""
    found = sandbox.credentials()
    monkeypatch.setenv("ACME_API_KEY", found["api_key"])
    monkeypatch.setenv("ACME_CLIENT_TOKEN", found["clerk_client_token"])
    return found


@pytest.fixture
def acme(known):
    """A workspace that the sandbox knows, as a file says it; parts can be added below."""
    return f"""\
workspaces:
  acme:
    name: Acme
    api_address: {known["base_url"]}
    api_key:
      from_env: ACME_API_KEY
"""
