"""Sets of characters that readers do not see but programs act on, to be put between the brackets of a pattern."""

from typing import Final

# Terminals, mail programs and spreadsheets act on them. Tab and line breaks are apart, because long text needs them.
CONTROLS: Final = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
LINE_SEPARATORS: Final = r"\u2028\u2029"
BREAKS: Final = r"\t\n\r" + LINE_SEPARATORS
# Embeddings, overrides and isolates: the text around them is shown in another order.
REORDERING: Final = r"\u202a-\u202e\u2066-\u2069"
# Hebrew and Arabic need these marks, and emoji the joiners, so both stay except where text must be what it looks like.
DIRECTION_MARKS: Final = r"\u200e\u200f"
ZERO_WIDTH: Final = r"\u200b-\u200d\u2060-\u2065\ufeff"
SURROGATES: Final = r"\ud800-\udfff"  # halves of a character, which cannot be encoded

HARMFUL: Final = CONTROLS + SURROGATES + REORDERING  # in text of any length
INVISIBLE: Final = CONTROLS + BREAKS + REORDERING + DIRECTION_MARKS  # in a single line
