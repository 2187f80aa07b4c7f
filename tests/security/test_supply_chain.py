"""What is installed is what was locked, and an audit that looked nothing up does not pass."""

import json
import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tools.audit import verdict
from tools.list_licenses import licence_of, pins

ROOT = Path(__file__).resolve().parents[2]
FINE = {"name": "fine", "version": "1.0", "vulns": []}
HOLED = {"name": "holed", "version": "2.0", "vulns": [{"id": "CVE-2026-0001", "fix_versions": ["2.1"]}]}
UNKNOWN = {"name": "unknown", "skip_reason": "could not be audited"}


def locked(name):
    """The entries of a locked file: what is pinned, and the hashes of its files."""
    entries = (ROOT / name).read_text().replace("\\\n", " ").splitlines()
    for entry in entries:
        if entry and not entry.strip().startswith("#"):
            pin, *hashes = entry.split(" --hash=")
            yield Requirement(pin), hashes


def chosen(name):
    """What we ask for ourselves."""
    lines = [line.partition("#") for line in (ROOT / name).read_text().splitlines()]
    return [(Requirement(pin), reason.strip()) for pin, _, reason in lines if pin.strip() and not pin.startswith("-")]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_package_is_pinned_exactly_and_by_the_hash_of_its_files(name):
    entries = list(locked(name))

    assert len(entries) > 50
    for requirement, hashes in entries:
        assert str(requirement.specifier).startswith("=="), requirement
        assert hashes, requirement
        assert all(each.strip().startswith("sha256:") and len(each.strip()) == 71 for each in hashes), requirement


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_what_we_ask_for_says_why_and_is_locked_as_asked(name):
    pins = {requirement.name.lower(): requirement.specifier for requirement, _ in locked(f"{name}.txt")}

    for requirement, reason in chosen(f"{name}.in"):
        assert reason, requirement
        assert pins[requirement.name.lower()] == requirement.specifier


def test_the_list_of_licences_says_what_the_packages_say():
    rows = re.findall(r"^\| ([\w.-]+) \| \S+ \| (.*) \|$", (ROOT / "LICENSES.md").read_text(), re.MULTILINE)
    here = {name for path in ROOT.glob("requirements*.txt") for name, _ in pins(path)}

    assert {name for name, _ in rows} >= here
    for name, licence in rows:
        if name in here:  # some are for another Python
            assert licence == licence_of(distribution(name)), name


def test_tests_run_against_the_very_packages_that_are_installed_in_production():
    in_tests = {str(requirement): hashes for requirement, hashes in locked("requirements-dev.txt")}

    for requirement, hashes in locked("requirements.txt"):
        assert in_tests[str(requirement)] == hashes


@pytest.mark.parametrize(
    ("packages", "code", "words"),
    [
        ([FINE], 0, "1 packages checked"),
        ([FINE, HOLED], 1, "holed 2.0: CVE-2026-0001 (fixed in 2.1)"),
        ([HOLED, UNKNOWN], 1, "holed 2.0"),
        ([FINE, UNKNOWN], 2, "Couldn't look up: unknown"),
        ([UNKNOWN], 2, "NOT AUDITED"),
        ([], 2, "NOT AUDITED"),
    ],
)
def test_an_audit_passes_only_when_everything_was_looked_up(packages, code, words):
    ended, said = verdict(packages, if_reachable=False)

    assert ended == code
    assert words in said


@pytest.mark.parametrize(("packages", "code"), [([UNKNOWN], 0), ([FINE, UNKNOWN], 2), ([FINE, HOLED], 1)])
def test_only_a_machine_that_reaches_no_service_at_all_is_let_through(packages, code):
    assert verdict(packages, if_reachable=True)[0] == code


def test_the_bill_of_materials_names_every_package_with_its_hashes(tmp_path):
    target = tmp_path / "sbom.json"
    command = [Path(sys.executable).with_name("cyclonedx-py"), "requirements", ROOT / "requirements.txt"]
    # Whether the file keeps to its schema is the tool's own affair, and takes it nine times as long.
    subprocess.run([*command, "--no-validate", "--output-file", target], check=True, capture_output=True)

    components = {each["name"]: each for each in json.loads(target.read_text())["components"]}
    for requirement, hashes in locked("requirements.txt"):
        listed = components[requirement.name]["externalReferences"][0]["hashes"]
        assert {f"sha256:{each['content']}" for each in listed} == {each.strip() for each in hashes}
