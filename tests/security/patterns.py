"""Every regular expression of the packages, found without a list: in their modules' values and in their source."""

import ast
import importlib
import re
from types import FunctionType

from django.urls import URLPattern, URLResolver, get_resolver

from tests.architecture.test_floors import FLOORS, ROOT

FILES = [
    path
    for package in FLOORS
    for path in sorted((ROOT / package).rglob("*.py"))
    if not {"migrations", "__main__.py"} & set(path.parts)
]
HARMLESS_CALLS = {"escape", "purge"}


def all_patterns():
    """Return every pattern by where it stands."""
    found = {}
    for path in FILES:
        where, names = str(path.relative_to(ROOT)), _names_in(path)
        for pattern in [*_held(dict(names), names.get("__name__"), {}), *_called(path, names)]:
            found.setdefault(pattern, where)
    for pattern in _routes(get_resolver()):
        found.setdefault(pattern, "addresses")
    return {f"{where}: {pattern.pattern}": pattern for pattern, where in found.items()}


def hidden_calls(path):
    """Return the lines that build a pattern which exists only while a function runs: nothing can try it out."""
    names = _names_in(path)
    return [call.lineno for call, in_function in _calls(path) if in_function and _evaluated(call, names) is None]


def _names_in(path):
    if path.parent.name == "examples":  # programs to copy: importing one would start it
        return {"re": re}
    relative = path.relative_to(ROOT).with_suffix("")
    return vars(importlib.import_module(".".join(relative.parts).removesuffix(".__init__")))


def _held(value, module, seen):
    """Yield the patterns in a value: of a module, of its own classes and their instances, of collections, closures."""
    if type(value) is re.Pattern:
        yield value
    elif id(value) not in seen:
        seen[id(value)] = value  # which also keeps its id from being given to another
        for part in _parts(value, module):
            yield from _held(part, module, seen)


def _parts(value, module):
    if type(value) is dict:
        return [*value.keys(), *value.values()]
    if type(value) in {list, tuple, set, frozenset}:
        return list(value)
    if isinstance(value, FunctionType):
        inside = [cell.cell_contents for cell in value.__closure__ or ()] if value.__module__ == module else []
        return [*inside, *(value.__defaults__ or ())]
    owner = value if isinstance(value, type) else type(value)
    return list(getattr(value, "__dict__", {}).values()) if owner.__module__ == module else []


def _called(path, names):
    patterns = (_evaluated(call, names) for call, _ in _calls(path))
    return [pattern for pattern in patterns if pattern is not None]


def _calls(path):
    """Yield each call of ``re`` in a file, and whether it stands in a function."""
    source = path.read_text()
    if "import re" not in source and "from re" not in source:
        return
    tree = ast.parse(source)
    functions = [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    ]
    inside = {id(node) for function in functions for node in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "re":
            raise AssertionError(f"{path}: write re.compile, so that its patterns are found")
        if isinstance(node, ast.Call) and _is_of_re(node.func):
            yield node, id(node) in inside


def _is_of_re(function):
    is_attribute = isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name)
    return is_attribute and function.value.id == "re" and function.attr not in HARMLESS_CALLS


def _evaluated(call, names):
    """Return the pattern of a call whose arguments are known before it runs, else None."""
    flags = [word.value for word in call.keywords if word.arg == "flags"]
    flags += [node for node in call.args[1:] if "re." in ast.unparse(node)]
    try:
        source, *given = [eval(ast.unparse(node), dict(names)) for node in [call.args[0], *flags]]  # noqa: S307
    except NameError:
        return None
    return re.compile(source, *given)


def _routes(resolver):
    for entry in resolver.url_patterns:
        yield entry.pattern.regex if isinstance(entry.pattern.regex, re.Pattern) else re.compile(entry.pattern.regex)
        if isinstance(entry, URLResolver):
            yield from _routes(entry)
        else:
            assert isinstance(entry, URLPattern)


def patterns_in(module):
    """Return the patterns in a module's values."""
    return list(_held(dict(vars(module)), module.__name__, {}))
