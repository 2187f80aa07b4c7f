"""What each process of the console loads, and so what each command waits for."""

import subprocess
import sys

from tests.conftest import ROOT, clean_environment

# Half a second of processor time together, for what only workers need, or only PostgreSQL.
SPARED = {"aiohttp", "psycopg"}


def facts_after(what, tmp_path):
    """The facts of a process that did ``what``: which of SPARED are loaded, and whether garbage is looked for."""
    script = f"import gc, sys; {what}; print(sorted({SPARED} & set(sys.modules)), gc.isenabled())"
    environment = clean_environment(VAR_DIR=tmp_path, DJANGO_SETTINGS_MODULE="config.settings")
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.strip()


def test_a_command_on_sqlite_loads_neither_the_async_client_nor_psycopg(tmp_path):
    assert facts_after("import django; django.setup()", tmp_path) == "[] True"


def test_garbage_is_not_looked_for_until_all_is_loaded(tmp_path):
    assert facts_after("import config", tmp_path) == "[] False"


def test_an_async_client_loads_what_it_needs(tmp_path):
    one = "import cleanlist; cleanlist.Connections"
    assert facts_after(one, tmp_path) == "[] True"
    assert facts_after(f"{one}()", tmp_path) == "['aiohttp'] True"
