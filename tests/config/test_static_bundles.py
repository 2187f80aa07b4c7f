"""The one style sheet and the one script that `collectstatic` makes."""

import json
import re

import pytest
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.management.commands.collectstatic import Command
from django.contrib.staticfiles.storage import staticfiles_storage

from core.static_bundles import BUNDLES, LINKED_BY_PAGES, BundledStaticFilesStorage, urls
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    folder = tmp_path_factory.mktemp("static")
    storage = BundledStaticFilesStorage(location=folder, base_url="/static/")
    command = Command()
    command.storage = storage
    options = {"interactive": False, "verbosity": 0, "link": False, "clear": False, "dry_run": False}
    command.set_options(**options, ignore_patterns=[], use_default_ignore_patterns=True, post_process=True)
    command.collect()
    return folder


def hashed(folder, name):
    return folder / json.loads((folder / "staticfiles.json").read_text())["paths"][name]


def without_blanks_and_comments(text):
    return "".join(re.sub(r" // [^\"'`/\n]*$", "", text, flags=re.MULTILINE).split())


@pytest.mark.parametrize("bundle", BUNDLES)
def test_a_bundle_holds_its_files_in_order_under_a_hashed_name_and_compressed(collected, bundle):
    file = hashed(collected, bundle)
    assert re.fullmatch(r"(console|charts|pasting)\.[0-9a-f]{12}\.(css|js)", file.name)
    text = without_blanks_and_comments(file.read_text())
    sources = [
        without_blanks_and_comments((ROOT / "static" / name).read_text())
        for name in BUNDLES[bundle]
        if "htmx" not in name
    ]
    places = [text.index(source[-80:]) for source in sources]
    assert places == sorted(places)
    assert file.with_name(f"{file.name}.gz").stat().st_size < file.stat().st_size / 2


@pytest.mark.parametrize("bundle", BUNDLES)
def test_every_file_of_a_bundle_is_found_where_nothing_is_collected(bundle):
    assert all(finders.find(name) for name in BUNDLES[bundle])
    assert urls(bundle) == [staticfiles_storage.url(name) for name in BUNDLES[bundle]]


def test_every_style_sheet_and_script_is_in_a_bundle_or_linked_by_a_page():
    known = {*LINKED_BY_PAGES, *(name for names in BUNDLES.values() for name in names)}
    ours = {str(path.relative_to(ROOT / "static")) for path in (ROOT / "static").glob("*/*.*s")}
    assert ours - known == set()
    linked = re.compile(r"{% static '((?:css|js)/[^']+)'")
    pages = (ROOT / "templates").rglob("*.html")
    linked = {name for path in pages for name in linked.findall(path.read_text())}
    assert linked == set(LINKED_BY_PAGES)
