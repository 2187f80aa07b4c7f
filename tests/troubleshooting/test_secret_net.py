"""No part of a secret is left, whatever stands around it and however it is written, on the server or in the browser."""

import base64
import html
import json
import random
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.troubleshooting.stripping.made_up import forms_of
from troubleshooting.pasted.secrets import remove_secrets

SCRIPT = Path(__file__).resolve().parents[2] / "static" / "js" / "strip_secrets.js"
# Answers one line of JSON with another, as long as there are any.
LOOP = """
const lines = require("node:readline").createInterface({ input: process.stdin });
lines.on("line", (line) => console.log(JSON.stringify(stripSecrets(JSON.parse(line), []))));
"""
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
K = "clapi_9QxT4mVb-7LrKd2_pWzYhNs8EjUcAo3GfIi6RtXvBq1MnHyPlSe5OwDkZuJaCgFb"
FEW = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


@pytest.fixture(scope="module")
def in_browser():
    command = ["node", "-e", SCRIPT.read_text() + LOOP]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as node:

        def strip(text):
            node.stdin.write(json.dumps(text) + "\n")
            return json.loads(node.stdout.readline())

        yield strip
        node.stdin.close()


def in_full(text):
    return "".join(f"%{byte:02X}" for byte in text.encode())


def in_base64(text):
    return base64.b64encode(text.encode()).decode()


ENCODINGS = {
    "as it is": str,
    "of a URL": lambda text: quote(text, safe=""),
    "of a URL, also what need not be": lambda text: quote(text, safe="").replace("_", "%5F").replace("-", "%2d"),
    "of a URL in a URL": lambda text: quote(quote(text.replace("_", "%5F"), safe=""), safe=""),
    "of a URL, all of it": in_full,
    "of JSON": lambda text: json.dumps(text)[1:-1],
    "of JSON in JSON": lambda text: json.dumps(json.dumps(text))[3:-3],
    "of JSON, also what need not be": lambda text: text.replace("_", "\\u005f").replace("-", "\\u002D"),
    "of HTML": html.escape,
    "of HTML, also what need not be": lambda text: text.replace("_", "&#95;").replace("-", "&#x2d;"),
    "of Markdown": lambda text: text.replace("_", "\\_"),
    "with invisible characters": lambda text: text.replace("_", "\u200b_\u00ad"),
    "in base64": in_base64,
    "in base64, one further": lambda text: in_base64(f"a{text}"),
    "in base64, two further": lambda text: in_base64(f"ab{text}"),
    "in URL-safe base64": lambda text: base64.urlsafe_b64encode(f"user:{text}".encode()).decode().rstrip("="),
    "in base64 with lines": lambda text: base64.encodebytes(f"user:{text}".encode()).decode(),
    "in hexadecimal digits": lambda text: text.encode().hex(),
}
SEPARATORS = [
    "", " ", "\n", "\t", ":", "=", "_", "-", "(", "[", "{", "<", '"', "'", "`", ",", ";", "|", "/", "\\", "&", "?", "#",
    "@", "!", "*", "$", "^", "~", "+", ".", "…", "%20", "%3A", "%22", "%0A", "\\n", "\\t", '\\"', "&quot;", "=>", "==",
    "token:", "api_key:", "key=", "auth=Bearer%20", "Bearer ", "Bearer\n", "x", "9", "é", "“", "\u00a0", "\u2028",
    "=3D",
    "?api_key=", "https://a.test/?next=https%3A%2F%2Fb.test%2F%3Fkey%3D", "Key", "clapi_", "[key-removed:", "//", "->",
]  # fmt: skip
BREAKS = [
    "\n", "\r\n", " ", "\n    ", "\\\n", '" +\n  "', "' . '", '",\n"', "\\n", "%0A", "%0D%0A", "=\n", "\n> ", "\n| ",
    "\u2028",
]  # fmt: skip


def key_of(seed):
    return "clapi_" + "".join(random.Random(seed).choices(LETTERS + "-_", k=64))


keys = st.integers(0, 2**64).map(key_of)
words = st.sampled_from(
    [*SEPARATORS, "status 401", "curl https://api.cleanlist.ai/ -H 'a: b' ", '{"detail":"x"}', "401 "]
)


def parts_of(secret):
    return [secret[at : at + 12] for at in range(len(secret) - 11)]


def assert_gone(secret, pasted, in_browser):
    left = {"server": remove_secrets(pasted).text, "browser": in_browser(pasted)}
    for where, text in left.items():
        found = [part for form in forms_of(text) for part in parts_of(secret) if part in form]
        assert not found, (where, pasted, text)
    assert left["server"] == left["browser"]
    assert not remove_secrets(left["server"]).found, "what is left is left"


@FEW
@given(keys, words, st.sampled_from(SEPARATORS), st.sampled_from(list(ENCODINGS)), st.sampled_from(SEPARATORS), words)
@example(K, "level=error msg=unauthorized token", ":", "as it is", " ", "status=401")
@example(K, "", "auth=Bearer%20", "as it is", "", "")
@example(K, "'abc", "\\n", "as it is", "'", "")
def test_no_part_of_a_key_is_left(in_browser, key, before, left, encoding, right, after):
    assert_gone(key, f"{before}{left}{ENCODINGS[encoding](key)}{right}{after}", in_browser)


@FEW
@given(keys, words, st.integers(7, 69), st.sampled_from(BREAKS), st.sampled_from(SEPARATORS))
@example(K, "", 30, "\n", "")
def test_no_part_of_a_broken_key_is_left(in_browser, key, before, at, gap, right):
    assert_gone(key, f"{before}{key[:at]}{gap}{key[at:]}{right}", in_browser)


passwords = st.tuples(
    st.text(LETTERS, min_size=8, max_size=20), st.integers(0, 9), st.text(LETTERS + "!#*-_.~^", min_size=8, max_size=20)
).map(lambda parts: "".join(map(str, parts)))
# By their names, with what stands around the value.
NAMED = [
    "password={}", "password: {}", '"password": "{}"', "{{'password': '{}'}}", "PASSWORD='{}'", "--password {} --x",
    "curl -u user:{} https://a.test/", "https://user:{}@a.test/", 'CURLOPT_USERPWD => "user:{}"', "--user 'user:{}'",
    'auth=("user", "{}")', "Cookie: sessionid={}; a=b", "-b 'sessionid={}'", "Set-Cookie: sessionid={}; Path=/",
    'cookies={{"sessionid": "{}"}}', '{{"name": "cookie", "value": "sessionid={}"}}', "session_id={}", "sessionid: {}",
    "access_token={}", '"refresh_token":"{}"', "token: {} ", "https://a.test/?token={}&a=1", "clientSecret: '{}'",
    '{{"name":"Authorization","value":"Bearer {}"}}', "'X-Auth-Token' => '{}'", 'setHeader("X-Auth-Token", "{}")',
    "Authorization: Bearer {}", 'headers["Authorization"] = "Bearer {}"', "api_key: {}", "CLEANLIST_API_KEY={}",
    "__session={}", "__client={}", "level=info cookie=sessionid={} status=401", "Authorization: {}", "X-API-Key: {}",
]  # fmt: skip
AROUND = {
    "as it is": str,
    "JSON": lambda text: json.dumps({"message": text}),
    "JSON in JSON": lambda text: json.dumps({"message": json.dumps({"error": text})}),
    "a URL": lambda text: f"https://a.test/?next={quote(text, safe='')}&b=1",
    "a URL in a URL": lambda text: f"https://a.test/?next={quote(quote(text, safe=''), safe='')}",
    "HTML": lambda text: f"<p>{html.escape(text)}</p>",
    "a Python repr": lambda text: repr({"message": text}),
    "a log line": lambda text: f"2026-11-28T10:04:17Z ERROR [worker] {text}",
}


@FEW
@given(passwords, st.sampled_from(NAMED), st.sampled_from(list(AROUND)))
def test_no_part_of_a_password_session_or_cookie_is_left(in_browser, secret, named, around):
    assert_gone(secret, AROUND[around](named.format(secret)), in_browser)


def token_of(seed):
    parts = [random.Random(seed + number).randbytes(30) for number in range(2)]
    header = base64.urlsafe_b64encode(b'{"alg":"RS256","kid":"ins_1"}').decode().rstrip("=")
    return ".".join([header, *(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)])


tokens = st.integers(0, 2**64).map(token_of)


@FEW
@given(
    tokens,
    words,
    st.sampled_from(SEPARATORS),
    st.sampled_from(["as it is", "of a URL", "of JSON", "in base64"]),
    st.sampled_from(SEPARATORS),
)
def test_no_part_of_a_session_token_is_left(in_browser, token, before, left, encoding, right):
    assert_gone(token, f"{before}{left}{ENCODINGS[encoding](token)}{right}", in_browser)


@pytest.mark.parametrize(
    "text",
    ["ghp_16C7e42F292c6912E7710c838347Ae178B4a", "sk_live_51HqZ2eZvKYlo2C0aXbYc", "xoxb-2048-4096-Zm9vYmFyYmF6cXV4"],
)
def test_tokens_of_other_services_are_recognized_by_their_beginning(in_browser, text):
    assert_gone(text, f"it says {text} is wrong", in_browser)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(max_codepoint=0x2FFF, exclude_categories=["Cs"])))
def test_browser_and_server_leave_the_same_of_any_text(in_browser, text):
    assert in_browser(text) == remove_secrets(text).text


# Other services' keys, which look like nothing in particular, where only what is around them says that they are one.
HEX = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c"


@pytest.mark.parametrize(
    "text",
    [
        f"trace {HEX} of it",
        f'client.post(url).bearer_auth("{HEX[:20]}")',
        'client.defaultRequest { bearerAuth("correct-horse-battery") }',
        'Req.post!(url, auth: {:bearer, "correct-horse-battery"})',
        'new AuthenticationHeaderValue("Bearer", "correct-horse-battery")',
        "ConvertTo-SecureString 'correct-horse-battery' -AsPlainText -Force",
        'request.setValue("correct-horse-battery", forHTTPHeaderField: "Authorization")',
        "headers:\n  - name: X-API-Key\n    value: correct-horse-battery\n",
        "auth:apikey {\n  key: X-API-Key\n  value: correct-horse-battery\n}",
    ],
)
def test_a_secret_without_form_is_known_by_its_place(text, in_browser):
    left = remove_secrets(text).text
    assert not [part for secret in (HEX[:20], "correct-horse-battery") for part in parts_of(secret) if part in left]
    assert in_browser(text) == left


@pytest.mark.parametrize(
    "text",
    [
        'bearerAuth("your-api-key-here")',
        'req.Header.Set("Authorization", "Bearer "+os.Getenv("CLEANLIST_API_KEY"))',
        '{"type": "bearer", "collectionId": 7}',
        'request.setValue("application/json", forHTTPHeaderField: "Content-Type")',
        "headers:\n  - name: Content-Type\n    value: application/json",
        "public_bulk_6f3d2c1b-0a9e-4c8d-b7a6-5f4e3d2c1b0a",
        "https://www.linkedin.com/in/ada-9f86d081884c7d659a2feaa0c55ad015a3bf",
    ],
)
def test_what_only_resembles_one_stays(text):
    assert remove_secrets(text).text == text


PASSWORDS = ("s0mmer2024Katze!x", "Tr0ub4dor-&-3xtra!Lang")
WITH_PASSWORD = [
    'HTTPBasicAuth("me", "{}")',
    '.basicAuth("me","{}")',
    'credentials("me", "{}")',
    'new NetworkCredential("me", "{}")',
    "docker login -u me -p {}",
    "sshpass -p {} ssh host",
    'sshpass -p "{}" ssh host',
    "mysql -h db -p{} shop",
    "curl -x http://proxy.example.com -U me:{} https://example.com/",
    'restore --db-password "{}"',
    "pass: {}",
    'smtp_pass = "{}"',
    "ansible_ssh_pass={}",
    "pw={}",
    "<password>{}</password>",
    '<add key="Password" value="{}"/>',
    '<input type="password" value="{}">',
    "Passwort: {}",
    "mot de passe : {}",
    "contraseña: {}",
    "machine api.example.com login me password {}",
    "password: {}",
    "DB_PASSWORD={}",
    '{{"client_secret": "{}"}}',
    "jdbc:mysql://db/x?password={}&user=me",
]


@pytest.mark.parametrize("form", WITH_PASSWORD)
def test_a_password_is_taken_out_in_each_form_that_it_has(form, in_browser):
    for password in PASSWORDS:
        text = form.format(password)
        left = remove_secrets(text).text
        assert in_browser(text) == left
        assert not [part for part in (password[:8], password[-8:]) if part in left], left
        assert left.endswith(form.partition("{}")[2].replace("}}", "}").strip('"'))


@pytest.mark.parametrize(
    "text", ["psql --no-password -h db.example.com", "bypass: enabled", "pass: true", "a=1&&password=$DB && run"]
)
def test_what_only_looks_like_a_password_stays(text, in_browser):
    assert remove_secrets(text).text == in_browser(text) == text
