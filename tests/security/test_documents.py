"""What the documents refer to is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["README.md", "SECURITY.md", "CHANGELOG.md"])
def test_every_file_that_a_document_links_to_exists(name):
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / name).read_text())

    assert not [target for target in targets if not (ROOT / target).exists()]
    assert targets or name == "CHANGELOG.md"


def test_every_area_of_the_standard_names_its_tests_or_says_that_it_does_not_apply():
    areas = re.findall(r"^\| V(\d+) [^|]+\|([^|]+)\|([^|]*)\|", (ROOT / "SECURITY.md").read_text(), re.MULTILINE)

    assert [int(number) for number, _, _ in areas] == list(range(1, 18))
    assert all("tests/" in tests or what.strip() == "not used" for _, what, tests in areas)
