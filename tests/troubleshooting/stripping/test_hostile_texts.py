"""Nothing of a secret is left of texts as people, programs and terminals write them, and nothing else is taken out."""

import random

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.troubleshooting.test_secret_net import AROUND, ENCODINGS, in_browser  # noqa: F401
from troubleshooting.pasted.secrets import remove_secrets

from .made_up import BROKEN, GAPS, LETTERS, SECRETS, broken, filled, left_of, some, texts_of, token_of

HOSTILE, HARMLESS = texts_of("hostile.txt"), texts_of("harmless.txt")
# Only what stands in another line or column says that it is a secret.
NOT_FOUND = {"RTF-like", "secret question"}
MANY = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


@pytest.mark.parametrize("name", sorted(HOSTILE.keys() - NOT_FOUND))
def test_no_part_of_a_secret_is_left(name, in_browser):  # noqa: F811
    text, secrets = filled(HOSTILE[name])
    left = remove_secrets(text).text
    assert in_browser(text) == left
    assert not left_of(secrets, left), left
    assert remove_secrets(left).text == left


def test_there_are_enough_texts():
    assert len(HOSTILE) > 400
    assert len(HARMLESS) > 200


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_no_secret_stays(name, in_browser):  # noqa: F811
    assert remove_secrets(HARMLESS[name]).text == HARMLESS[name] == in_browser(HARMLESS[name])


CONTEXTS = ("{}", 'x = "{}"', "Authorization: Bearer {}", "level=error msg={} status=401")


@pytest.mark.parametrize("gap", GAPS, ids=ascii)
def test_no_part_of_a_broken_secret_is_left(gap):
    for name in BROKEN:
        for context in CONTEXTS:
            left = remove_secrets(context.format(broken(SECRETS[name], gap))).text
            assert not left_of([SECRETS[name]], left, gap), (name, left)


def of_kind(kind, seed):
    """Return where a secret of this kind may be broken at first, and one."""
    if kind == "jwt":
        return 10, token_of(60, 43, seed=seed)
    start, length = {"clapi": ("clapi_", 64), "ghp": ("ghp_", 36), "sk": ("sk-proj-", 48), "glpat": ("glpat-", 20)}[
        kind
    ]
    return len(start), start + some(length, LETTERS, seed)


seeds = st.integers(0, 2**32)
kinds = st.sampled_from(["clapi", "ghp", "sk", "glpat", "jwt"])
around = st.sampled_from(["", " ", "\n", '"', "'", "(", "=", ": ", "key ", "Bearer ", "> ", "é", "401 "])


@MANY
@given(seeds, kinds, st.sampled_from(GAPS), st.sampled_from(CONTEXTS), around, around)
def test_no_part_is_left_wherever_it_is_broken(in_browser, seed, kind, gap, context, before, after):  # noqa: F811
    start, secret = of_kind(kind, seed)
    at = random.Random(seed).randrange(start, len(secret) - 1)
    text = context.format(f"{before}{secret[:at]}{gap}{secret[at:]}{after}")
    left = remove_secrets(text).text
    assert in_browser(text) == left
    assert not left_of([secret], left, gap), (text, left)
    assert remove_secrets(left).text == left


names = st.sampled_from(sorted(HOSTILE.keys() - NOT_FOUND))


@MANY
@given(names, st.sampled_from(sorted(AROUND)), st.sampled_from(["", "\n", "log: "]), names)
@example("HTTP/2 Go", "as it is", "", ".env")
@example("invoke-webrequest", "a Python repr", "", ".env")
def test_what_is_left_is_left(in_browser, name, form, between, other):  # noqa: F811
    text = AROUND[form](filled(HOSTILE[name])[0]) + between + filled(HOSTILE[other])[0]
    left = remove_secrets(text).text
    assert in_browser(text) == left
    assert remove_secrets(left).text == left


@MANY
@given(seeds, kinds, st.sampled_from(sorted(ENCODINGS)), st.sampled_from(CONTEXTS))
def test_no_part_of_an_encoded_secret_is_left(in_browser, seed, kind, encoding, context):  # noqa: F811
    _, secret = of_kind(kind, seed)
    text = context.format(ENCODINGS[encoding](secret))
    left = remove_secrets(text).text
    assert in_browser(text) == left
    assert not left_of([secret], left), (text, left)
