import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tools.write_script_patterns import SCRIPT, with_patterns
from troubleshooting.pasted.recognizer import recognize
from troubleshooting.pasted.secrets import RemovedKey, remove_secrets

from .paste_cases import CASES, HARMLESS, KEY, KNOWN_ENDS, TOKEN


@pytest.mark.parametrize(("pasted", "left"), CASES)
def test_a_secret_is_taken_out_and_the_rest_stays(pasted, left):
    stripped = remove_secrets(pasted)
    assert (stripped.text, stripped.found) == (left, True)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays(text):
    assert remove_secrets(text) == remove_secrets(remove_secrets(text).text)
    assert not remove_secrets(text).found


@pytest.mark.parametrize("left", [left for _, left in CASES])
def test_marks_are_not_taken_for_secrets(left):
    assert not remove_secrets(left).found


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(), st.sampled_from([" ", "\n", '"', "'", ",", "(", "="]), st.text())
def test_a_whole_key_or_token_never_stays_whatever_is_around_it(before, edge, after):
    text = remove_secrets(f"{before}{edge}{KEY}{edge}{TOKEN}{edge}{after}").text
    assert KEY not in text
    assert TOKEN not in text


def test_a_mark_tells_what_stood_there():
    key = RemovedKey.first_in(f"Bearer {KNOWN_ENDS}")
    assert (key.prefix, key.last4, key.length) == ("clapi_Know", "wXyZ", 72)
    assert RemovedKey.first_in("[key-removed:other,12-characters,spaces,odd]") == RemovedKey(
        "other", "", "", 12, True, True
    )
    assert RemovedKey.first_in("no mark") is None


def test_the_script_has_the_patterns_of_the_server():
    script = SCRIPT.read_text()
    assert with_patterns(script) == script, "run make patterns"
    assert script.count("  const ") > 14


RANDOM = (
    "IgFLpRA5xbrJOGb1wwnMVqXVKslgVwiYqRsK1VgU",
    "kqzvbnmwrtplkjhgfdsxcvbnmqwrtzpl",
    "77c1d0ffb0a84e5e9d2c11aa0f0e",
)


@pytest.mark.parametrize("secret", RANDOM)
@pytest.mark.parametrize(
    "text",
    [
        "curl https://api.cleanlist.ai/api/v1/public/{}/bulk -X POST",
        "curl https://{}.cleanlist.ai/api/v1/public/enrich/bulk",
        "curl -X {} https://api.cleanlist.ai/api/v1/public/enrich/bulk",
        "GET /api/v1/public/{} HTTP/1.1\nHost: api.cleanlist.ai",
        'requests.get("https://api.cleanlist.ai/api/v1/public/{}", headers=h)',
        '{{"error": {{"code": "{}", "message": "no"}}}}',
        '{{"error": {{"code": "insufficient_scope", "details": {{"required_scope": "{}"}}}}}}',
    ],
)
def test_nothing_that_may_be_a_key_gets_into_an_address(text, secret, workspace):
    case = recognize(remove_secrets(text.format(secret)).text, workspace).case
    assert secret[:12] not in case.query
    assert secret.upper()[:8] not in case.query


def test_words_and_ids_of_a_path_stay_in_the_address(workspace):
    path = "/api/v1/public/lead-lists/0f9e8d7c-6b5a-4c3d-9e2f-1a0b9c8d7e6f/leads"
    case = recognize(f"curl -X PATCH https://api.cleanlist.ai{path}", workspace).case
    assert case.endpoint == f"PATCH {path}"
