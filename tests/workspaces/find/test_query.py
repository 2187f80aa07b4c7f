import pytest

from workspaces.find.query import LONGEST, Kind, looks_secret, parse_query


@pytest.mark.parametrize(
    ("raw", "text", "kinds"),
    [
        ("", "", set()),
        ('  ""  ', "", set()),
        ("nightly batch", "nightly batch", {Kind.WORDS}),
        ("Production", "Production", {Kind.WORDS}),
        ('"prod-2026"', "prod-2026", {Kind.WORDS, Kind.ID}),
        ("public_bulk_6b1f", "public_bulk_6b1f", {Kind.WORDS, Kind.ID}),
        ("7f6c1f3e-7e5b-4c58-9a3e-1d6d8c2f4a12", "7f6c1f3e-7e5b-4c58-9a3e-1d6d8c2f4a12", {Kind.WORDS, Kind.ID}),
        ("ops@example.test", "ops@example.test", {Kind.WORDS}),
        ("203.0.113.42", "203.0.113.42", {Kind.ADDRESS, Kind.WORDS}),
        ("203.0.", "203.0.", {Kind.ADDRESS, Kind.WORDS}),
        ("203.0.113.0/24", "203.0.113.0/24", {Kind.ADDRESS, Kind.WORDS}),
        ("203.0.113.42:51234", "203.0.113.42:51234", {Kind.ADDRESS, Kind.WORDS}),
        ("2001:db8::7", "2001:db8::7", {Kind.ADDRESS, Kind.WORDS}),
        ("[2001:db8::7]:443", "[2001:db8::7]:443", {Kind.ADDRESS, Kind.WORDS}),
        ("/api/v1/public", "/api/v1/public", {Kind.PATH}),
        ("POST /api/v1/public", "/api/v1/public", {Kind.PATH}),
        ("https://api.cleanlist.ai/api/v1/public?page=2", "/api/v1/public", {Kind.PATH}),
        ("GET https://api.cleanlist.ai", "/", {Kind.PATH}),
        ("https://[broken", "https://[broken", {Kind.WORDS}),
    ],
)
def test_a_text_is_recognized_by_its_form(raw, text, kinds):
    query = parse_query(raw)
    assert (query.text, query.kinds) == (text, kinds)


def test_a_long_text_is_cut_and_control_characters_are_replaced():
    assert parse_query("x" * 100_000).text == "x" * LONGEST
    assert parse_query("a\0b").text == "a\ufffdb"


@pytest.mark.parametrize(
    "secret",
    [
        "clapi_" + "k" * 64,
        "clext_" + "k" * 64,
        "clapi_AbCd1",
        "export KEY=clapi_" + "k" * 64,
        "Authorization: Bearer abcdefghijkl",
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1In0.c2ln",
    ],
)
def test_a_secret_is_recognized(secret):
    assert looks_secret(secret)


@pytest.mark.parametrize("text", ["clapi_", "clapi_AbCd", "clapi_AbCd…q7Lm", "q7Lm", "public_bulk_6b1f", "key", ""])
def test_the_public_parts_of_a_key_are_no_secret(text):
    assert not looks_secret(text)
