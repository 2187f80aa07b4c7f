"""What docs/set-up.md shows is what happens."""

import re

import pytest

from alerts.models import Rule
from tests.conftest import ROOT
from workspaces.models import Invitation, Workspace

from .conftest import command

pytestmark = pytest.mark.django_db
TEXT = (ROOT / "docs/set-up.md").read_text()


@pytest.fixture
def here(known, tmp_path):
    """Make a text of the page speak of the sandbox."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/acme").write_text(known["clerk_client_token"])
    places = {
        "https://api.cleanlist.ai": known["base_url"],
        "https://clerk.cleanlist.ai": known["clerk_frontend_api"],
        "sess_acme": known["clerk_session_id"],
    }

    def put(text):
        for shown, real in places.items():
            text = text.replace(shown, real)
        return text

    return put


def block(language):
    return re.search(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)[1]


def test_the_example_is_applied_and_then_nothing_is_to_do(apply, here):
    example = here(block("yaml"))
    done = apply(example)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(here(block("text")))
    assert Workspace.objects.get().name == "Acme"
    assert Invitation.objects.count() == 2
    assert Rule.objects.filter(name="Under 500 credits", severity="critical").exists()
    assert apply(example, "--plan").code == 0


def test_the_example_speaks_of_everything_that_is_exported(apply, here):
    apply(here(block("yaml")))
    exported = set(re.findall(r"^    (\w+):", command("export").out, re.MULTILINE))
    assert exported == set(re.findall(r"^    (\w+):", block("yaml"), re.MULTILINE))


def test_the_small_example_is_a_whole_file(apply, here):
    apply(here(block("yaml")))
    assert apply(re.search(r"`([^`]*)` is a complete file", TEXT)[1]).code == 0
    assert Workspace.objects.get().paused_at


@pytest.mark.parametrize("line", re.findall(r"^python manage\.py (workspace .*?)(?:\s{2,}#.*)?$", TEXT, re.MULTILINE))
def test_commands_of_the_page_run(known, workspace, line):
    Workspace.objects.update(slug="acme", base_url=known["base_url"])
    more = ("--api-address", known["base_url"]) if "connect" in line else ()
    assert command(*line.split(), *more).err == ""
