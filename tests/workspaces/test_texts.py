"""What upstream and people write, made fit for storing and reading."""

from workspaces import texts


def test_no_harmful_character_is_left_wherever_it_stands():
    harmful = [char for char in map(chr, range(0x110000)) if texts._HARMFUL.match(char)]
    assert len(harmful) > 2000  # all surrogates are among them
    assert {texts.plain_text(f"a{char}b", 10) for char in harmful} == {"a\ufffdb"}


def test_what_readers_need_stays():
    text = "Zoë\tعربي\u200f 👩\u200d💻\nsecond line"
    assert texts.plain_text(text, 100) == text
    assert texts.plain_text(text, 3) == "Zoë"
    assert texts.plain_text(None, 3) == ""
