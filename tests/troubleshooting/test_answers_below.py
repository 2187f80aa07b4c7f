"""A command with what it showed below: the answer says what is wrong, unless the header is what it refuses."""

import pytest

from troubleshooting.check_runner import UNKNOWN_HEADER, first_verdict
from troubleshooting.mistakes import GOOD
from troubleshooting.pasted.recognizer import recognize
from troubleshooting.pasted.secrets import remove_secrets

from .paste_cases import KEY, TOKEN

BASE = "https://api.cleanlist.ai/api/v1/public"
HEADER = f"Authorization: Bearer {KEY}"
CURL = f'$ curl -i {BASE}/whoami -H "{HEADER}"\n'
HTTPIE = f'$ http {BASE}/whoami "Authorization:Bearer {KEY}"\n'
VERBOSE = f"""$ curl -v {BASE}/whoami -H "{HEADER}"
* Host api.cleanlist.ai:443 was resolved.
*   Trying 192.0.2.1:443...
> GET /api/v1/public/whoami HTTP/2
> Host: api.cleanlist.ai
> authorization: Bearer {KEY}
>
< HTTP/2 429
< retry-after: 30
<
{{ [31 bytes data]
{{"detail":"Rate limit exceeded"}}
* Connection #0 to host api.cleanlist.ai left intact"""
ANSWERS = [
    (f'{CURL}HTTP/2 401\r\ncontent-type: application/json\r\n\r\n{{"detail":"Invalid API key"}}', "unauthorized", 401),
    (f'{CURL}HTTP/2 429\nretry-after: 12\n\n{{"detail":"Rate limit exceeded"}}\nme@host:~$ ', "rate_limited", 429),
    (f"{CURL}HTTP/2 429", "rate_limited", 429),
    (f'{CURL}HTTP/2 404\n\n{{"detail":"Not Found"}}', "not_found", 404),
    (f'{CURL}HTTP/1.1 200 Connection established\n\nHTTP/2 402\n\n{{"detail":"Insufficient credits"}}', "credits", 402),
    (f'$ curl -s {BASE}/enrich/bulk -H "{HEADER}" --json @b.json\n{{"detail":"Insufficient credits"}}', "credits", 402),
    (f'$ curl {BASE}/enrich/bulk -H "{HEADER}"\n{{"detail":"Method Not Allowed"}}', "method", 405),
    (f'{CURL}{{\n  "error": {{"code": "rate_limited", "problem": "Don\'t hurry"}}\n}}', "rate_limited", 429),
    (f"{CURL}curl: (6) Could not resolve host: api.cleanlist.ai", "dns", None),
    (f"{CURL}curl: (60) SSL certificate problem: unable to get local issuer certificate", "untrusted", None),
    (f"{CURL}curl: (22) The requested URL returned error: 402", "credits", 402),
    (f"{CURL}<html><head><title>502 Bad Gateway</title></head></html>", "upstream", 502),
    (VERBOSE, "rate_limited", 429),
    (f"{HTTPIE}HTTP/1.1 402 Payment Required\n\n{{}}", "credits", 402),
]


@pytest.mark.parametrize(("text", "topic", "status"), ANSWERS)
def test_what_a_command_shows_says_what_is_wrong(text, topic, status, workspace):
    case = recognize(remove_secrets(text).text, workspace).case
    assert (case.topic, case.status, case.slips) == (topic, status, (GOOD,))
    assert not case.is_sound


def test_a_wrong_header_comes_first_when_it_is_what_was_refused(workspace):
    text = f'$ curl {BASE}/whoami -H "X-API-Key: {KEY}"\n{{"detail":"Not authenticated"}}'
    case = recognize(remove_secrets(text).text, workspace).case
    assert (case.topic, case.status, case.slips) == ("unauthorized", 401, ("x_api_key",))


def test_a_command_that_worked_stays_right(workspace):
    text = f'{CURL}HTTP/2 200\n\n{{"organization_id": "org_1", "tier": "pro"}}'
    assert recognize(remove_secrets(text).text, workspace).case.is_sound


RIGHT = [
    f'curl -H "Authorization: Bearer $(cat ~/.clkey)" {BASE}/whoami',
    f'curl -H "Authorization: Bearer $(op read op://vault/cleanlist/key)" {BASE}/whoami',
    f'curl -H "Authorization: Bearer $(op read "op://My vault/key")" {BASE}/whoami',
    f'curl -H "Authorization: Bearer `pass cleanlist`" {BASE}/whoami',
    f'curl -H "Authorization: Bearer `cleanlist-key show`" {BASE}/whoami',
    f"http -A bearer -a {KEY} {BASE}/whoami",
    f"http --auth-type=bearer --auth={KEY} {BASE}/whoami",
    f'curl -Uri {BASE}/whoami -Headers @{{Authorization="Bearer $key"}}',
    f'curl -sSH "{HEADER}" {BASE}/whoami',
    f'curl https://api.example.com/login -u me:pass\ncurl -H "{HEADER}" {BASE}/whoami',
]
ELSEWHERE = [
    f'AUTH="Authorization: Bearer ${{CLEANLIST_KEY:?}}"\ncurl -sS -H "$AUTH" "{BASE}/credits/balance"',
    f'hdr=(-H "Authorization: Bearer $KEY")\ncurl "${{hdr[@]}}" {BASE}/whoami',
    f"curl -H $AUTH_HEADER {BASE}/whoami",
    f"curl $CURL_OPTS {BASE}/whoami",
    f"curl -H @headers.txt {BASE}/whoami",
    f"curl --header @hdr {BASE}/whoami",
    f"curl -K cleanlist.curlrc {BASE}/whoami",
    f"curl --config ~/.cl {BASE}/whoami",
    f'curl --variable %KEY --expand-header "Authorization: Bearer {{{{KEY}}}}" {BASE}/whoami',
    f'requests.get("{BASE}/whoami", headers={{"Authorization": " ".join(["Bearer", key])}})',
    f"opts = weboptions('HeaderFields', {{'Authorization', ['Bearer ' key]}}); webread('{BASE}/whoami', opts)",
]


@pytest.mark.parametrize("text", RIGHT)
def test_a_right_header_is_right_however_the_key_gets_into_it(text, workspace):
    assert recognize(remove_secrets(text).text, workspace).case.is_sound


@pytest.mark.parametrize("text", ELSEWHERE)
def test_what_comes_from_a_variable_or_a_file_is_not_judged(text, workspace):
    case = recognize(remove_secrets(text).text, workspace).case
    assert set(case.slips) <= {GOOD}
    assert case.is_sound or (case.is_unknown and first_verdict(case).title == UNKNOWN_HEADER)


def test_a_wrong_header_is_named_although_others_come_from_elsewhere(workspace):
    text = f'curl $OPTS -H "X-API-Key: {KEY}" {BASE}/whoami'
    assert recognize(remove_secrets(text).text, workspace).case.slips == ("x_api_key",)


@pytest.mark.parametrize("body", ['"$BODY"', '"$(cat b.json)"', '"{\\"contacts\\": $CONTACTS}"'])
def test_a_body_that_the_shell_puts_in_is_not_judged(body, workspace):
    text = f'curl {BASE}/enrich/bulk -H "{HEADER}" -H "Content-Type: application/json" -d {body}'
    found = recognize(remove_secrets(text).text, workspace)
    assert found.case.is_sound
    assert found.body == ""


def test_what_a_command_prints_is_no_secret_but_what_it_is_given_is(workspace):
    assert not remove_secrets(RIGHT[0]).found
    for text in ("$(echo s3cretS3cret99)", f"$(printf {TOKEN})"):
        assert "s3cret" not in remove_secrets(f'-H "Authorization: Bearer {text}"').text
