"""The house of ``docs/architecture.md``: each package imports only from floors below its own."""

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
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
PATHS = [
    path for package in FLOORS for path in sorted((ROOT / package).rglob("*.py")) if "migrations" not in path.parts
]


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in PATHS}


@cache
def imported_packages(path):
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


class Imports(ast.NodeVisitor):
    """The modules of ours that one imports, in functions too; not those that only types are taken from."""

    def __init__(self, module):
        self.package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
        self.found = set()

    def visit_If(self, node):
        if "TYPE_CHECKING" not in ast.unparse(node.test):
            self.generic_visit(node)

    def visit_Import(self, node):
        self.found |= {alias.name for alias in node.names if alias.name in MODULES}

    def visit_ImportFrom(self, node):
        base = node.module or ""
        if node.level:
            above = self.package.split(".")[: len(self.package.split(".")) - node.level + 1]
            base = ".".join([*above, *filter(None, [node.module])])
        for alias in node.names:
            name = f"{base}.{alias.name}"
            self.found |= {name if name in MODULES else base} & set(MODULES)


def imports_of(module):
    visitor = Imports(module)
    visitor.visit(ast.parse(MODULES[module].read_text()))
    return visitor.found - {module}


def test_no_module_imports_itself_by_way_of_others():
    try:
        order = list(TopologicalSorter({module: imports_of(module) for module in MODULES}).static_order())
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))
    assert len(order) == len(MODULES) > 500


@pytest.mark.parametrize("package", FLOORS)
def test_a_module_imports_only_from_floors_below(package):
    too_high = {name for name, floor in FLOORS.items() if floor >= FLOORS[package] and name != package}
    modules = [path for path in PATHS if path.relative_to(ROOT).parts[0] == package]
    assert modules
    wrong = {str(path.relative_to(ROOT)): imported_packages(path) & too_high for path in modules}
    assert {path: names for path, names in wrong.items() if names} == {}


def test_the_client_and_the_sandbox_know_nothing_of_each_other_or_of_django():
    for path in PATHS:
        if path.relative_to(ROOT).parts[0] in {"cleanlist", "sandbox"}:
            assert not {"django", "celery"} & imported_packages(path), path


# What writes an audit event: services call it, so that whatever asks for a change leaves the same trace.
RECORDERS = {
    "workspaces.audit.events": {"record_event", "many_events"},
    "workspaces.accounts.events": {"record"},
}


def recorders_in(module):
    """What a module names of the functions that write an event, by whatever way it imports them."""
    tree = ast.parse(MODULES[module].read_text())
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.asname or alias.name: alias.name for alias in node.names}
    used = set(names.values())
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            origin = ast.unparse(node.value)
            used.add(f"{names.get(origin, origin)}.{node.attr}")
    return used & {f"{module}.{name}" for module, functions in RECORDERS.items() for name in functions}


def test_views_and_commands_write_no_audit_events():
    entrances = {module for module in MODULES if {"views", "commands"} & set(module.split("."))}
    assert len(entrances) > 40
    wrong = {module: found for module in sorted(entrances) if (found := recorders_in(module))}
    assert wrong == {}


@pytest.mark.parametrize("folder", [*FLOORS, "tests", "static"])
def test_no_file_outgrows_four_hundred_lines(folder):
    files = [path for kind in ("*.py", "*.css", "*.js") for path in (ROOT / folder).rglob(kind)]
    sizes = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
    assert {path: lines for path, lines in sizes.items() if lines > 400 and "migrations" not in path} == {}


def test_no_template_outgrows_eighty_lines():
    templates = sorted((ROOT / "templates").rglob("*.html"))
    long = {str(path.relative_to(ROOT)) for path in templates if len(path.read_text().splitlines()) > 80}
    assert long == set()
