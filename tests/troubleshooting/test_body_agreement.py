"""The body checker and the API give the same verdict, also on bodies that nobody would write."""

import json
import random
from collections import Counter

import pytest

from tests.troubleshooting.test_wrong_forms import ADA, FORMS
from troubleshooting.body.validation import CONTACT_FIELDS, MAX_FINDINGS, validate_body

HOSTS = ["hooks.example.com", "8.8.8.8", "[2606:4700::1]"]
BAD_HOSTS = ["127.1", "2130706433", "0x7f.1", "10.0.0.1", "[::1]", "[::ffff:10.0.0.1]", "localhost", "app.localhost"]
BAD_HOSTS += ["me@hooks.example.com", "hooks.example.com:99999", "bücher.example", ""]
ODD = [None, True, False, 0, -1, 1.5, 10**30, float("nan"), float("inf"), "", "x", "full ", "PARTIAL", "\ud800", "\x00"]
ODD += [[], {}, [[]], [{}], {"": None}, {"linkedin_url": 5}, [None, "x"], {"a": {"b": [{"c": "\udfff"}]}}]
LINKED, NAMED = ["linkedin_url"], ["first_name", "last_name", "company_name"]
WORDS = ["Ada", "example.com", "https://www.linkedin.com/in/ada", " ", None, ""]
SELDOM, SOMETIMES, OFTEN = 20, 8, 3  # once in so many


class Dice(random.Random):
    """Draws bodies: mostly good ones, and now and then something odd at any place."""

    def usually(self, good, odd, once_in):
        return odd() if self.randrange(once_in) == 0 else good()

    def junk(self):
        return self.choice(ODD)

    def contact(self):
        """Return a contact that can be identified, unless something is odd about it."""
        names = self.usually(lambda: self.choice([LINKED, NAMED]), lambda: NAMED[1:], SOMETIMES)
        return dict.fromkeys(names, "x") | self.usually(dict, self.more, OFTEN)

    def more(self):
        names = self.sample([*CONTACT_FIELDS, "linkedin"], self.randrange(3))
        return {name: self.usually(lambda: self.choice(WORDS), self.junk, OFTEN) for name in names}

    def contacts(self):
        """Return some, now and then around the limit of 250 or far beyond, by repeating them."""
        some = [self.usually(self.contact, self.junk, SELDOM) for _ in range(self.randrange(6))]
        return some * self.choice([1] * 12 + [50, 126, 251])

    def url(self):
        scheme = self.usually(lambda: "https://", lambda: self.choice(["http://", "ftp://", "//", ""]), SOMETIMES)
        host = self.usually(lambda: self.choice(HOSTS), lambda: self.choice(BAD_HOSTS), OFTEN)
        return scheme + host + self.choice(["", "/hook", "?q=1", "/a b"])

    def type(self):
        return self.choice(["none", "partial", "phone_only", "full"])

    def body(self):
        body = {"contacts": self.usually(self.contacts, self.junk, SELDOM)}
        optional = {
            "enrichment_type": lambda: self.usually(self.type, self.junk, SOMETIMES),
            "webhook_url": lambda: self.usually(self.url, self.junk, SOMETIMES),
            "contact": self.junk,
        }
        return body | {name: draw() for name, draw in optional.items() if self.random() < 0.5}

    def whole(self):
        return json.dumps(self.usually(self.body, self.junk, SELDOM))

    def mangled(self):
        """Return a body cut off, or with a character put in, or led by a byte order mark."""
        text, character = self.whole(), chr(self.choice([self.randrange(128), self.randrange(0x110000)]))
        where = self.randrange(len(text) + 1)
        return self.choice([text[:where], "\ufeff" + text, text[:where] + character + text[where:]])

    def text(self):
        return self.usually(self.whole, self.mangled, SOMETIMES)


def places(answer):
    detail = answer.json().get("detail")
    return sorted(str(tuple(item["loc"])) for item in detail) if isinstance(detail, list) else None


def assert_same_verdict(bulk_api, text):
    (answer,) = bulk_api.answers([text])
    return assert_agreement(answer, text)


def assert_agreement(answer, text):
    verdict = validate_body(text)
    assert verdict.status == answer.status_code, text[:2000]
    assert verdict.accepted is (answer.status_code == 200)
    assert len(verdict.findings) <= MAX_FINDINGS + 200
    if answer.status_code == 422:
        expected = places(answer)
        assert verdict.refused == len(expected), text[:2000]
        if verdict.refused > MAX_FINDINGS:  # few of them are explained, but all are found
            verdict = validate_body(text, most=len(expected))
        assert sorted(str(one.loc) for one in verdict.findings if one.in_answer) == expected, text[:2000]
    elif verdict.accepted:
        assert not [one for one in verdict.findings if one.in_answer]
        assert answer.json()["total_contacts"] == verdict.contacts
    else:
        assert [one.in_answer for one in verdict.findings].count(True) == verdict.refused == 1
    return verdict.status


@pytest.mark.parametrize("pasted", [form[0] for form in FORMS if form[2] and form[2]["contacts"][0] == ADA])
def test_a_repaired_body_is_accepted(bulk_api, pasted):
    assert bulk_api.answers([pasted])[0].status_code == 422
    assert assert_same_verdict(bulk_api, validate_body(pasted).repaired) == 200


@pytest.mark.parametrize("url", ["https://acme.io/{{ $json.id }}", "https://acme.io/{{id}}", "http://acme.io/${id}"])
def test_an_unfilled_placeholder_is_judged_alike(bulk_api, url):
    assert_same_verdict(bulk_api, json.dumps({"contacts": [ADA], "webhook_url": url}))


def test_two_thousand_generated_bodies_are_judged_alike(bulk_api):
    dice = Dice(19)
    texts = [dice.text() for _ in range(2000)]
    answers = bulk_api.answers(texts)
    seen = Counter(assert_agreement(answer, text) for answer, text in zip(answers, texts, strict=True))
    # Each way to end was met often, so that agreement says something.
    assert min(seen[200], seen[400], seen[422]) >= 20
    assert seen.total() == 2000


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
        json.dumps({"contacts": [{}] * 1004}),
        json.dumps(
            {"contacts": [ADA] * 1100 + [{"linkedin_url": 5, "email": 1}, None, ADA, {"email": "\ud800"}] * 500}
        ),
        json.dumps({"contacts": [{}] * 2000, "enrichment_type": 1, "webhook_url": 5}),
        json.dumps({"contacts": [{"linkedin_url": "x"}] * 251, "webhook_url": "http://localhost"}),
        "\x00{",
    ],
    ids=lambda text: f"{text[:20]}… {len(text)}",
)
def test_extreme_bodies_are_judged_alike(bulk_api, text):
    assert_same_verdict(bulk_api, text)
