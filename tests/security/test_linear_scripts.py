"""The browser's scripts hold to the same as the server: no pasted text makes a pattern of theirs run long."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.architecture.test_floors import ROOT
from tests.troubleshooting.paste_cases import CASES, HARMLESS
from troubleshooting.pasted import secrets

from .hostile_texts import FRAGMENTS, LARGE, SMALL, fragments_of, hostile_text
from .patterns import patterns_in

SCRIPTS = sorted((ROOT / "static" / "js").glob("*.js"))
RUNNER = Path(__file__).with_name("strip_in_node.mjs")
# A pattern as it stands in a script: behind what can only be followed by a value, and not a comment.
LITERAL = re.compile(r"(?<=[=(,:?\s])/(?![/*\s])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\[\n])+/[dgimsuvy]*(?=[.,;)\s])")
SLOWEST = 8
# The server's patterns of the same purpose tell what to attack with.
PAIRS = [("", fragment) for fragment in FRAGMENTS]
PAIRS += [pair for pattern in patterns_in(secrets) for pair in fragments_of(pattern)]


def run_in_node(program, given):
    assert shutil.which("node"), "Install node: the browser's scripts are run here."
    command = ["node", *program]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, timeout=110, check=True)
    return json.loads(done.stdout)


def literals(path):
    code = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("//")]
    return LITERAL.findall("\n".join(code))


def test_stripping_in_the_browser_takes_time_in_proportion_to_the_text():
    script = (ROOT / "static" / "js" / "strip_secrets.js").read_text()
    pairs = list(dict.fromkeys(PAIRS))
    for size, kept in ((4096, None), (SMALL, SLOWEST), (LARGE, None)):  # the slowest go on to the largest
        texts = [hostile_text(*pair, size) for pair in pairs]
        answer = run_in_node([str(RUNNER)], {"script": script, "patterns": [], "texts": texts})
        took = answer.pop("took")
        assert answer == {"slow": [], "tried": ["stripSecrets"]}
        pairs = sorted(pairs, key=dict(zip(pairs, took, strict=True)).get, reverse=True)[:kept]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_every_pattern_of_a_script_takes_time_in_proportion_to_the_text(path):
    found = literals(path)
    texts = [hostile_text("", fragment, SMALL) for fragment in FRAGMENTS]
    answer = run_in_node([str(RUNNER)], {"script": "", "patterns": found, "texts": texts})
    assert answer["slow"] == []
    assert answer["tried"] == list(dict.fromkeys(found))
    assert "RegExp(" not in path.read_text(), "write the pattern out, so that it is tried"


def test_the_patterns_of_a_script_are_found():
    assert len(literals(ROOT / "static" / "js" / "strip_secrets.js")) >= 20
    assert len(literals(ROOT / "static" / "js" / "find_key.js")) == 1


def test_the_browser_strips_as_the_server_does():
    script = (ROOT / "static" / "js" / "strip_secrets.js").read_text()
    texts = [pasted for pasted, _ in CASES] + HARMLESS + [hostile_text(*pair, 300) for pair in dict.fromkeys(PAIRS)]
    read = "JSON.parse(require('node:fs').readFileSync(0, 'utf8'))"
    code = f"{script}\nprocess.stdout.write(JSON.stringify({read}.map((text) => stripSecrets(text, []))))"
    cleaned = run_in_node(["-e", code], texts)
    assert dict(zip(texts, cleaned, strict=True)) == {text: secrets.remove_secrets(text).text for text in texts}
