"""Which characters are replaced where: over all that there are, by the properties that Unicode gives them."""

import sys
import unicodedata

import pytest

from config.log.configuration import escape_control_characters
from core.export import escape_formula
from core.sanitize import sanitize_text
from keys.log.search.row_details import command_for
from keys.models import LoggedRequest

EVERY = "".join(map(chr, range(sys.maxunicode + 1)))
BASE = "https://api.example.test"
SHOWN_IN_ANOTHER_ORDER = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
MARKS = "\u200e\u200f"
ZERO_WIDTH = "\u200b\u200c\u200d\u2060\u2061\u2062\u2063\u2064\u2065\ufeff"


def agent_of_command(text):
    command = command_for(LoggedRequest(method="GET", path="/", user_agent=text), BASE)
    return command.partition("User-Agent: ")[2].partition("' \\\n")[0]


@pytest.mark.parametrize(
    ("replace", "categories", "more", "kept"),
    [
        (lambda text: sanitize_text(text, 300), {"Cc", "Cs"}, "", "\t\n\r"),
        (escape_control_characters, {"Cc", "Cs", "Zl", "Zp"}, MARKS, "\t\n"),
        (escape_formula, {"Cc", "Zl", "Zp"}, MARKS, ""),
        (agent_of_command, {"Cc", "Zl", "Zp"}, MARKS + ZERO_WIDTH, "'"),
    ],
    ids=["stored", "logged", "exported", "pasted"],
)
def test_just_the_characters_that_programs_act_on_are_replaced(replace, categories, more, kept):
    expected = {
        char
        for char in EVERY
        if unicodedata.category(char) in categories or unicodedata.bidirectional(char) in SHOWN_IN_ANOTHER_ORDER
    }
    blocks = (EVERY[start : start + 256] for start in range(0, len(EVERY), 256))
    found = {char for block in blocks if replace(f"a{block}b") != f"a{block}b" for char in block}
    replaced = {char for char in found - set(kept) if replace(f"a{char}b") != f"a{char}b"}
    assert replaced == (expected | set(more)) - set(kept)
    assert all(replace(f"a{char}b").startswith(f"a{char}") for char in kept)
