"""What code and documents point to is there."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = {".py", ".md", ".html", ".js", ".css", ".yaml", ".toml", ".sample", ".in"}


def tracked():
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.splitlines() if Path(name).suffix in TEXT]


def test_every_document_that_is_named_is_there():
    named = {
        (str(path.relative_to(ROOT)), name)
        for path in tracked()
        for name in re.findall(r"(?<![\w/.-])docs/[\w./-]+\.(?:md|png)", path.read_text())
    }
    assert len({name for _, name in named}) > 5
    assert {(path, name) for path, name in named if not (ROOT / name).is_file()} == set()


def test_every_link_between_documents_leads_somewhere():
    links = {
        (path, target)
        for path in tracked()
        if path.suffix == ".md"
        for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", path.read_text())
    }
    assert len(links) > 20
    assert {
        (str(path.relative_to(ROOT)), target) for path, target in links if not (path.parent / target).exists()
    } == set()


def test_prose_is_wrapped():
    """Tables and code can't be; what has changed is told in longer lines since long."""
    long = []
    for path in tracked():
        if path.suffix == ".md" and path.name != "CHANGELOG.md":
            prose = re.sub(r"(?ms)^ *```.*?^ *```", "", path.read_text())
            long += [line for line in prose.splitlines() if len(line) > 120 and not line.startswith(("|", "!["))]
    assert long == []


def test_headings_that_the_code_names_are_in_the_facts_about_the_api():
    headings = set(re.findall(r"^## (.+)$", (ROOT / "docs/cleanlist-api.md").read_text(), re.MULTILINE))
    named = {
        heading
        for path in tracked()
        if path.suffix == ".py" and path != Path(__file__)
        for heading in re.findall(r'docs/cleanlist-api\.md``[,:] "([^"]+)"', path.read_text())
    }
    assert len(named) >= 4
    assert named <= headings


def test_packages_and_paths_of_the_architecture_are_there():
    text = (ROOT / "docs/architecture.md").read_text() + (ROOT / "CONTRIBUTING.md").read_text()
    paths = set(re.findall(r"`((?:[\w.]+/)+[\w.]*)`", text))
    assert len(paths) > 30
    assert {path for path in paths if not (ROOT / path).exists()} == set()
