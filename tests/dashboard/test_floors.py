"""The house of ``docs/architecture.md``: each package imports only from floors below its own."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLOORS = {
    "cleanlist": 1,
    "sandbox": 1,
    "core": 2,
    "workspaces": 3,
    "alerts": 4,
    "keys": 5,
    "webhooks": 6,
    "usage": 7,
    "troubleshooting": 8,
    "provisioning": 8,
    "dashboard": 8,
    "config": 9,
}
# The root of the house hands what it knows to everyone: its settings are read through django.conf.
MODULES = [path for package in FLOORS for path in sorted((ROOT / package).rglob("*.py"))]


@cache
def imported_packages(path):
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("package", FLOORS)
def test_a_module_imports_only_from_floors_below(package):
    too_high = {name for name, floor in FLOORS.items() if floor >= FLOORS[package] and name != package}
    modules = [path for path in MODULES if path.relative_to(ROOT).parts[0] == package]
    assert modules
    wrong = {str(path.relative_to(ROOT)): imported_packages(path) & too_high for path in modules}
    assert {path: names for path, names in wrong.items() if names} == {}


def test_the_client_and_the_sandbox_know_nothing_of_each_other_or_of_django():
    for path in MODULES:
        if path.relative_to(ROOT).parts[0] in {"cleanlist", "sandbox"}:
            assert not {"django", "celery"} & imported_packages(path), path


@pytest.mark.parametrize("folder", [*FLOORS, "tests", "static"])
def test_no_file_outgrows_four_hundred_lines(folder):
    files = [path for kind in ("*.py", "*.css", "*.js") for path in (ROOT / folder).rglob(kind)]
    sizes = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
    assert {path: lines for path, lines in sizes.items() if lines > 400 and "migrations" not in path} == {}


def test_no_template_outgrows_eighty_lines():
    templates = sorted((ROOT / "templates").rglob("*.html"))
    long = {str(path.relative_to(ROOT)) for path in templates if len(path.read_text().splitlines()) > 80}
    assert long == set()
