"""Whether something takes time in proportion to its text, measured against a plain scan of as many characters."""

import re
import time
from collections import deque
from functools import cache

from .hostile_texts import LARGE, SMALL, hostile_text

# From the first size on nothing that takes the square or the cube of it ever gets to run long.
QUICK = 4096
SIZES = (512, QUICK, SMALL, LARGE)
# How many of the slowest texts of one size are tried at the next.
KEPT = {QUICK: 4}
TRIES = 5
ROUNDING = 0.005  # seconds
_PLAIN = re.compile("[^\x00-\x7f]\x01")  # looks at each character once


def find_slow(use, pairs, ratio):
    """Return a text's fragment for which ``use`` takes more than ``ratio`` scans; None if all are in proportion.

    ``pairs`` are beginnings and fragments; the slowest ones at each size are tried at the next one, and at the last
    those whose growth leaves room for a square.
    """
    for size in SIZES:
        took = {pair: _seconds_within(use, hostile_text(*pair, size), ratio) for pair in pairs}
        if slow := next((pair for pair in pairs if took[pair] is None), None):
            return (*slow, size)
        pairs = sorted(pairs, key=took.get, reverse=True)[: KEPT.get(size)]
        if size == SMALL:
            most = ratio * _scan(SMALL)
            pairs = [pair for pair in pairs if leaves_room_for_a_square(_least(use, pair), took[pair], most)][:1]
    return None


def leaves_room_for_a_square(took_quick, took_small, most):
    """Return whether a square as large as the growth up to ``SMALL`` allows takes too long at ``LARGE``.

    ``most`` is what may be taken at ``SMALL``.
    """
    above_proportion = took_small - took_quick * (SMALL // QUICK)
    return took_small + above_proportion * (LARGE // SMALL) > most


def match_once(pattern, text):
    """Do with a pattern what can be done with one, of text or of bytes."""
    if isinstance(pattern.pattern, bytes):
        text = text.encode("utf-8", "surrogatepass")
    pattern.sub(text[:0], text)
    pattern.match(text)
    pattern.fullmatch(text)


def _least(use, pair):
    text = hostile_text(*pair, QUICK)
    return min(_seconds(use, text) for _ in range(TRIES))


def _seconds_within(use, text, ratio):
    """Return how long ``use`` takes; None if that is too long at each try: others are at work here too."""
    for _ in range(TRIES):
        took = _seconds(use, text)
        if took <= ratio * _scan(len(text)) + ROUNDING:
            return took
        _scan.cache_clear()
    return None


@cache
def _scan(length):
    text = "é" * length
    return min(_seconds(deque, _PLAIN.finditer(text), 0) for _ in range(3))


def _seconds(function, *arguments):
    started = time.process_time()
    function(*arguments)
    return time.process_time() - started
