"""Texts that people read use the words of docs/glossary.md, "In the interface": others are refused here."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What is refused, and what to write instead.
REFUSED = {
    r"e-mail": "email",
    r"per cent": "%",
    r"what helps": "How to fix it",
    r"all the same": "anyway, still",
    r"laid at the door": "attributed to",
    r"look(s|ed)? at": "view, check",
    r"(some|no|any|every)body": "someone, no one, anyone, everyone",
    r"switch(es|ed)? (on|off)": "turn on, turn off",
    r"(is|are|was|were) told|tells? them": "notify, report",
    r"answered (with )?[1-5](\d\d|xx)": "returned",
    r"after all\b(?! of)": "redeliver",
    r"cancelled": "canceled",
    r"colou?red by|colours?|coloured": "color",
    r"licence": "license",
    r"behaviour": "behavior",
    r"time-outs?": "timeout",
    r"is not known whether": "may or may not",
    r"such that": "so that",
    r"laid aside|put off": "deferred",
    r"(was|were|be|been) taken out": "removed",
    r"may not do this": "don't have permission",
    r"no longer there": "no longer exists",
    r"(?<![.$\"'`/{])(?<!SELECT )(?-i:ids?)\b(?! ?=|`|\.\w)": "ID",  # not in SQL and code
}
# Where people are shown what upstream is: elsewhere the console says Cleanlist.
SERVICE = {r"upstream": "Cleanlist"}
DOCUMENTS = {word: instead for word, instead in REFUSED.items() if word not in {r"look(s|ed)? at", r"after all"}}
# The word is right there, and why.
ALLOWED = {
    ("webhooks/models/redelivery.py", "cancelled"): "the stored value of a state",
    ("workspaces/models/audit.py", "cancelled"): "the stored name of an action",
    ("webhooks/redelivery/services.py", "cancelled"): "the stored value of a state",
    ("keys/polls.py", "id"): "the name of a field of the API",
    ("templates/webhooks/workflow/diagnosis.html", "id"): "the name of a field of the API",
    ("keys/log/models/facet.py", "id"): "the name of a stored kind, which migrations have",
    ("troubleshooting/pasted/error_bodies.py", "id"): "a pattern",
    ("static/js/strip_secrets.js", "id"): "a pattern",
}
# Of the sandbox, too: its texts are those of the API that it stands for.
PACKAGES = (
    "cleanlist",
    "sandbox",
    "core",
    "workspaces",
    "alerts",
    "keys",
    "usage",
    "webhooks",
    "troubleshooting",
    "provisioning",
    "dashboard",
    "config",
)
_SENTENCE = re.compile(r"[A-Za-z]{2,}[,;:.]? [A-Za-z{(“]")


def tracked(*paths: str) -> list[str]:
    command = ["git", "ls-files", "--", *paths]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [name for name in listed if "/migrations/" not in name]


def texts_of_template(source: str) -> Iterator[str]:
    """Yield the text of a template, and the literals in its tags and attributes that are sentences or labels."""
    source = re.sub(r"\{#.*?#\}|\{% comment.*?endcomment %\}|<(script|style)\b.*?</\1>", " ", source, flags=re.DOTALL)
    for tag in re.findall(r"\{%.*?%\}", source):
        yield from (text for text in re.findall(r'"([^"]*)"', tag) if _SENTENCE.search(text))
    source = re.sub(r"\{%.*?%\}|\{\{.*?\}\}", " ", source)
    yield from re.findall(r'(?:aria-label|title|placeholder|alt)="([^"]*)"', source)
    yield re.sub(r"<[^>]*>", " ", source)


def texts_of_module(source: str) -> Iterator[str]:
    """Yield the strings of a module that are sentences: no docstrings, no names, no lines of the log, no patterns."""
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    skipped = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith(("logger.", "re.compile")):
            skipped |= {id(each) for each in ast.walk(node)}
    for node in nodes:
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in skipped:
            continue
        if _SENTENCE.search(node.value) or node.value[:1].isupper():
            yield node.value


def texts_of_script(source: str) -> Iterator[str]:
    """Yield the strings of a script that are sentences; comments are none of them."""
    source = re.sub(r"^\s*//.*|\s// .*", " ", source, flags=re.MULTILINE)
    yield from (text for text in re.findall(r'"[^"\n]*"|`[^`]*`', source) if _SENTENCE.search(text))


def refused(text: str, words: dict[str, str]) -> Iterator[tuple[str, str]]:
    for pattern, instead in words.items():
        for found in re.finditer(rf"\b(?:{pattern})", text, re.IGNORECASE):
            yield found[0], instead


def found_in(names: list[str], texts, words: dict[str, str]) -> list[str]:
    return [
        f"{name}: “{word}” in “{' '.join(text.split())[:80]}”: write {instead}"
        for name in names
        for text in texts((ROOT / name).read_text())
        for word, instead in refused(text, words)
        if (name, word.lower()) not in ALLOWED
    ]


def test_pages_and_emails_use_the_words_of_the_glossary():
    names = tracked("templates/*.html", "templates/*.txt")
    assert len(names) > 100
    assert found_in(names, texts_of_template, REFUSED | SERVICE) == []


def test_messages_forms_and_commands_use_the_words_of_the_glossary():
    names = [name for name in tracked(*PACKAGES) if name.endswith(".py")]
    assert len(names) > 200
    assert found_in(names, texts_of_module, REFUSED) == []


def test_scripts_use_the_words_of_the_glossary():
    names = tracked("static/js/*.js")
    assert len(names) > 20
    assert found_in(names, texts_of_script, REFUSED | SERVICE) == []


def test_documents_use_the_words_of_the_glossary():
    names = [
        name
        for name in tracked("README.md", "SECURITY.md", "CONTRIBUTING.md", "docs/*.md", ".env.sample")
        if name != "docs/glossary.md"
    ]
    assert len(names) > 5
    assert found_in(names, lambda text: [text], DOCUMENTS) == []


def test_each_exception_is_still_needed():
    for name, word in ALLOWED:
        assert word in (ROOT / name).read_text().lower()


def test_an_old_word_is_found_and_a_name_is_not():
    page = '<p class="email-mail">Your e-mail</p>{% empty "nothing" "Look at it" %}{# per cent #}{{ upstream }}'
    assert [word for text in texts_of_template(page) for word, _ in refused(text, REFUSED)] == ["Look at", "e-mail"]
    module = '"""An e-mail."""\nlogger.info("upstream e-mail")\nx = {"cancelled": "Nobody is told."}\n'
    assert [word for text in texts_of_module(module) for word, _ in refused(text, REFUSED)] == ["Nobody", "is told"]
    assert [word for word, _ in refused("Its id, and the IDs of `id`: SELECT id FROM x WHERE x.id", REFUSED)] == ["id"]
