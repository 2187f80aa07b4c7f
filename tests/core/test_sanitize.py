"""What upstream and people write, made fit for storing and reading."""

from core import sanitize


def test_no_harmful_character_is_left_wherever_it_stands():
    harmful = [char for char in map(chr, range(0x110000)) if sanitize._HARMFUL.match(char)]
    assert len(harmful) > 2000  # all surrogates are among them
    assert {sanitize.sanitize_text(f"a{char}b", 10) for char in harmful} == {"a\ufffdb"}


def test_what_readers_need_stays():
    text = "Zoë\tعربي\u200f 👩\u200d💻\nsecond line"
    assert sanitize.sanitize_text(text, 100) == text
    assert sanitize.sanitize_text(text, 3) == "Zoë"
    assert sanitize.sanitize_text(None, 3) == ""
