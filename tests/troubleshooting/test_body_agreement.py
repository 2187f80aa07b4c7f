"""The body checker and the API give the same verdict, also on bodies that nobody would write."""

import asyncio
import json
from collections import Counter

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.auth import credentials
from sandbox.credits import ledger
from sandbox.data_dir import DataDir
from sandbox.server import create_app
from sandbox.settings import Settings
from tests.troubleshooting.test_wrong_forms import ADA, FORMS
from troubleshooting.body.validation import CONTACT_FIELDS, validate_body

HOSTS = ["hooks.example.com", "8.8.8.8", "[2606:4700::1]"]
BAD_HOSTS = ["127.1", "2130706433", "0x7f.1", "10.0.0.1", "[::1]", "[::ffff:10.0.0.1]", "localhost", "app.localhost"]
BAD_HOSTS += ["me@hooks.example.com", "hooks.example.com:99999", "bücher.example", ""]
ODD = [None, True, False, 0, -1, 1.5, 10**30, float("nan"), float("inf"), "", "x", "full ", "PARTIAL", "\ud800", "\x00"]
ODD += [[], {}, [[]], [{}], {"": None}, {"linkedin_url": 5}, [None, "x"], {"a": {"b": [{"c": "\udfff"}]}}]
LINKED, NAMED = ["linkedin_url"], ["first_name", "last_name", "company_name"]


@st.composite
def usually(draw, good, odd, dice):
    """Draw something good, and now and then something odd."""
    return draw(odd if draw(dice) else good)


def one_in(number):
    return st.sampled_from([True] + [False] * (number - 1))


SELDOM, SOMETIMES, OFTEN = one_in(20), one_in(8), one_in(3)
JUNK = st.sampled_from(ODD)
WORDS = st.sampled_from(["Ada", "example.com", "https://www.linkedin.com/in/ada", " ", None, ""])
MORE = st.dictionaries(st.sampled_from([*CONTACT_FIELDS, "linkedin"]), usually(WORDS, JUNK, OFTEN), max_size=2)
# Contacts that can be identified, unless something is odd about them.
FIELDS = usually(st.sampled_from([LINKED, NAMED]), st.just(NAMED[1:]), SOMETIMES)
CONTACT = st.builds(lambda names, more: dict.fromkeys(names, "x") | more, FIELDS, usually(st.just({}), MORE, OFTEN))
# Now and then around the limit of 250, by repeating what there is.
SOME = st.lists(usually(CONTACT, JUNK, SELDOM), max_size=5)
MANY = st.builds(lambda some, times: some * times, SOME, st.sampled_from([1] * 12 + [50, 126, 251]))
SCHEMES = usually(st.just("https://"), st.sampled_from(["http://", "ftp://", "//", ""]), SOMETIMES)
PLACES = usually(st.sampled_from(HOSTS), st.sampled_from(BAD_HOSTS), OFTEN)
URLS = st.builds("{}{}{}".format, SCHEMES, PLACES, st.sampled_from(["", "/hook", "?q=1", "/a b"]))
TYPES = st.sampled_from(["none", "partial", "phone_only", "full"])
BODY = st.fixed_dictionaries(
    {"contacts": usually(MANY, JUNK, SELDOM)},
    optional={
        "enrichment_type": usually(TYPES, JUNK, SOMETIMES),
        "webhook_url": usually(URLS, JUNK, SOMETIMES),
        "contact": JUNK,
    },
)
WHOLE = st.builds(json.dumps, usually(BODY, JUNK, SELDOM))


def mangled(text, place, character):
    """Return ``text`` cut off, or with a character put in, or led by a byte order mark."""
    where = place % (len(text) + 1)
    return {"": text[:where], "\ufeff": character + text}.get(character, text[:where] + character + text[where:])


TYPOS = st.builds(mangled, WHOLE, st.integers(0, 10_000), st.characters(codec=None) | st.sampled_from(["", "\ufeff"]))
TEXTS = usually(WHOLE, TYPOS, SOMETIMES)


class Api:
    """The sandbox in this process, without its background work: what it accepts is never enriched nor delivered."""

    def __init__(self, folder):
        key = credentials.collect_credentials(DataDir(folder), None, 3600)
        self.app = create_app(Settings(data_dir=folder, org_limit=0, key_limit=0))
        with self.app.state.services.store.session() as session:
            ledger.set_balance(session, key["organization_id"], 10**9)
        self.headers = {"Authorization": f"Bearer {key['api_key']}", "Content-Type": "application/json"}
        self.runner = asyncio.Runner()
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://sandbox")

    def answer(self, text):
        content = text.encode("utf-8", "surrogatepass")
        call = self.client.post("/api/v1/public/enrich/bulk", content=content, headers=self.headers)
        return self.runner.run(call)

    def close(self):
        self.runner.run(self.client.aclose())
        self.runner.close()
        self.app.state.services.store.close()


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    api = Api(tmp_path_factory.mktemp("agreement") / "data")
    yield api
    api.close()


def places(answer):
    detail = answer.json().get("detail")
    return sorted(str(tuple(item["loc"])) for item in detail) if isinstance(detail, list) else None


def assert_same_verdict(api, text):
    answer, verdict = api.answer(text), validate_body(text)
    assert verdict.status == answer.status_code, text[:2000]
    assert verdict.accepted is (answer.status_code == 200)
    if answer.status_code == 422:
        assert sorted(str(one.loc) for one in verdict.findings if one.in_answer) == places(answer), text[:2000]
    elif verdict.accepted:
        assert not [one for one in verdict.findings if one.in_answer]
        assert answer.json()["total_contacts"] == verdict.contacts
    else:
        assert [one.in_answer for one in verdict.findings].count(True) == 1
    return verdict.status


@pytest.mark.parametrize("pasted", [form[0] for form in FORMS if form[2] and form[2]["contacts"][0] == ADA])
def test_a_repaired_body_is_accepted(api, pasted):
    assert api.answer(pasted).status_code == 422
    assert assert_same_verdict(api, validate_body(pasted).repaired) == 200


@pytest.mark.parametrize("url", ["https://acme.io/{{ $json.id }}", "https://acme.io/{{id}}", "http://acme.io/${id}"])
def test_an_unfilled_placeholder_is_judged_alike(api, url):
    assert_same_verdict(api, json.dumps({"contacts": [ADA], "webhook_url": url}))


def test_a_thousand_generated_bodies_are_judged_alike(api):
    seen = Counter()

    @settings(
        max_examples=1000, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
    )
    @given(TEXTS)
    def judge(text):
        seen[assert_same_verdict(api, text)] += 1

    judge()
    # Each way to end was met often, so that agreement says something.
    assert min(seen[200], seen[400], seen[422]) >= 20


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "null",
        "[" * 100_000,
        '{"contacts": [' * 5000,
        '{"contacts": [], "x": ' + "9" * 5000 + "}",
        '{"contacts": [{"linkedin_url": "x"}], "contacts": []}',
        '{"contacts": [{"linkedin_url": "\\ud800"}], "webhook_url": "\\ud800", "\\ud800": 1}',
        '{"contacts": [NaN, Infinity]}',
        '{"contacts": [{"linkedin_url": "' + "x" * 1_000_000 + '"}]}',
        '{"contacts": [{"linkedin_url": "' + "x" * 3_000_000 + '"}]}',
        json.dumps({"contacts": [{}] * 400}),
        json.dumps({"contacts": [{"linkedin_url": "x"}] * 251, "webhook_url": "http://localhost"}),
        "\x00{",
    ],
    ids=lambda text: f"{text[:20]}… {len(text)}",
)
def test_extreme_bodies_are_judged_alike(api, text):
    assert_same_verdict(api, text)
