"""Who does what the body checker advises ends with a body that the API accepts, and with the contacts they had."""

import copy
import json
import random
import re
from urllib.parse import urlencode

import pytest

from cleanlist.pricing import MAX_CONTACTS
from troubleshooting.body.text import split_body
from troubleshooting.body.validation import validate_body

ROUNDS, COUNT = 12, 300
LINKED = {"linkedin_url": "https://www.linkedin.com/in/grace"}
NAMED = {"first_name": "Ada", "last_name": "Byron", "company_domain": "example.com"}


def renamed(old, new, change=lambda value: value):
    def mistake(contact):
        return {
            new if name == old else name: change(value) if name == old else value for name, value in contact.items()
        }

    return mistake


def joined(name):
    def mistake(contact):
        if "first_name" not in contact:
            return contact
        rest = {key: value for key, value in contact.items() if key not in {"first_name", "last_name"}}
        return {name: f"{contact['first_name']} {contact['last_name']}", **rest}

    return mistake


# Each makes every contact wrong in the same way, as a program does.
CONTACT_MISTAKES = {
    "camel case": lambda contact: {re.sub(r"_(\w)", lambda m: m[1].upper(), name): v for name, v in contact.items()},
    "headings": lambda contact: {name.replace("_", " ").title(): value for name, value in contact.items()},
    "dashes": lambda contact: {name.replace("_", "-"): value for name, value in contact.items()},
    "linkedin": renamed("linkedin_url", "linkedin"),
    "linkedIn profile": renamed("linkedin_url", "linkedin_profile_url"),
    "profile_url": renamed("linkedin_url", "profile_url"),
    "url": renamed("linkedin_url", "url"),
    "full_name": joined("full_name"),
    "name": joined("name"),
    "fullName": joined("fullName"),
    "website": renamed("company_domain", "website", "https://{}/about".format),
    "domain": renamed("company_domain", "domain"),
    "organization": renamed("company_domain", "organization"),
    "company": renamed("company_domain", "company"),
    "number": lambda contact: contact | {"company_name": 3},
    "NaN": lambda contact: contact | {"email": float("nan")},
    "list": lambda contact: contact | {"email": ["ada@example.com"]},
    "more fields": lambda contact: contact | {"title": "CEO", "id": 7, "phone": "+1"},
}
BODY_MISTAKES = {
    "type": lambda body: body | {"enrichment_type": "Full"},
    "type of email": lambda body: body | {"enrichment_type": "email"},
    "http": lambda body: body | {"webhook_url": "http://hooks.acme.io/x"},
    "half a webhook": lambda body: body | {"webhook_url": "hooks.acme.io/x"},
    "user": lambda body: body | {"webhook_url": "https://me:pw@hooks.acme.io/"},
    "webhook in a list": lambda body: body | {"webhook_url": ["https://hooks.acme.io/x"]},
    "too many": lambda body: body | {"contacts": body["contacts"] * 126},
    "of another name": lambda body: body | {"type": "full", "callback": "https://hooks.acme.io"},
}


def javascript(body):
    text = re.sub(r'"(\w+)":', r"\1:", json.dumps(body))
    return text.replace("'", "\\'").replace('"', "'").replace("}", ",}")


def php_form(body):
    pairs = [(f"contacts[{at}][{name}]", v) for at, one in enumerate(body["contacts"]) for name, v in one.items()]
    return urlencode(pairs + [(name, value) for name, value in body.items() if name != "contacts"], doseq=True)


def table(sign):
    def form(body):
        names = list(dict.fromkeys(name for contact in body["contacts"] for name in contact))
        rows = [names] + [[str(contact.get(name, "")) for name in names] for contact in body["contacts"]]
        return "\n".join(sign.join(row) for row in rows)

    return form


FORMS = {
    "json": json.dumps,
    "indented": lambda body: json.dumps(body, indent=2),
    "byte order mark": lambda body: "\ufeff" + json.dumps(body),
    "python": lambda body: repr(body).replace("nan", "None"),
    "javascript": javascript,
    "commented": lambda body: "// contacts\n" + javascript(body),
    "trailing comma": lambda body: json.dumps(body, indent=2).replace("}\n  ]", "},\n  ]"),
    "curly": lambda body: json.dumps(body).replace('"', "\u201d"),
    "no-break spaces": lambda body: json.dumps(body, indent=1).replace(" ", "\u00a0"),
    "twice": lambda body: json.dumps(json.dumps(body)),
    "list": lambda body: json.dumps(body["contacts"]),
    "list twice": lambda body: json.dumps(json.dumps(body["contacts"])),
    "n8n items": lambda body: json.dumps([{"json": one} for one in body["contacts"]]),
    "n8n item": lambda body: json.dumps([{"json": body}]),
    "data": lambda body: json.dumps({"data": body}),
    "payload": lambda body: json.dumps({"payload": body["contacts"]}),
    "text": lambda body: json.dumps(body | {"contacts": json.dumps(body["contacts"])}),
    "text in data": lambda body: json.dumps({"data": json.dumps(body)}),
    "php": lambda body: json.dumps(body | {"contacts": {str(at * 2): one for at, one in enumerate(body["contacts"])}}),
    "one": lambda body: json.dumps(body | {"contacts": body["contacts"][0]}),
    "lines": lambda body: "\n".join(map(json.dumps, body["contacts"])),
    "fenced": lambda body: f"```json\n{json.dumps(body)}\n```",
    "form": php_form,
    "csv": table(","),
    "semicolons": table(";"),
    "tabs": table("\t"),
}
TRUSTED = {"enrichment_type": "full", "contacts": [NAMED, LINKED]}


def wrong_body(dice):
    """Return the name of a form, of what is wrong, and the text: up to three mistakes in one of the forms."""
    body, form = copy.deepcopy(TRUSTED), dice.choice(list(FORMS))
    of_contacts = dice.sample(list(CONTACT_MISTAKES), dice.randrange(3))
    of_body = dice.sample(list(BODY_MISTAKES), dice.randrange(2))
    for name in of_contacts:
        body["contacts"] = [CONTACT_MISTAKES[name](contact) for contact in body["contacts"]]
    for name in of_body:
        body = BODY_MISTAKES[name](body)
    return (form, *of_contacts, *of_body), FORMS[form](body)


def split_name(contact, name):
    first, _, last = contact.pop(name).partition(" ")
    contact.update(first_name=first, last_name=last)


def bare_domain(text):
    return re.sub(r"^https?://|/.*", "", text)


def follow(advice, holder, name):
    """Do to one object what the advice on one of its fields says. Returns whether it says anything mechanical."""
    if name not in holder:
        return False
    rename = re.match(r"Did you mean (\w+)\?|Name it (\w+)", advice)
    if rename:
        value = holder.pop(name)
        holder[rename[1] or rename[2]] = bare_domain(value) if "without https" in advice else value
    elif advice.startswith("Split it into"):
        split_name(holder, name)
    elif advice.startswith("Put the value in double quotes"):
        if isinstance(value := holder.pop(name), int):
            holder[name] = str(value)
    elif advice.startswith("Start it with https://"):
        holder[name] = "https://" + re.sub(r"^\w+://", "", holder[name])
    elif re.match(r"Omit|Remove|Use none|Use a public|Fill|Map|Replace", advice):
        del holder[name]
    else:
        return False
    return True


def follow_all(body, findings):
    """Return ``body`` after everything mechanical in the findings was done to it."""
    done = False
    for finding in findings:
        name = finding.loc[-1]
        if finding.loc[1:2] == ("contacts",) and len(finding.loc) == 4:
            contacts = [one for one in body["contacts"] if isinstance(one, dict)]
            done |= sum(follow(finding.fix, contact, name) for contact in contacts) > 0
        elif len(finding.loc) == 2:
            done |= follow(finding.fix, body, name)
    return done


def corrected(text):
    """Return the bodies that ``text`` becomes when all advice is followed; none where that leads nowhere."""
    for _ in range(ROUNDS):
        verdict = validate_body(text)
        if verdict.accepted:
            return [text]
        if verdict.repaired:
            text = verdict.repaired
        elif verdict.status == 400 and verdict.contacts > MAX_CONTACTS:
            return list(split_body(text))
        else:
            body = decoded(text)
            if not follow_all(body, verdict.findings):
                return []
            text = json.dumps(body)
    return []


def decoded(text):
    try:
        return json.loads(text.removeprefix("\ufeff"))
    except ValueError:
        return None


def test_advice_that_is_followed_makes_wrong_bodies_accepted(bulk_api):
    dice, refused, sent = random.Random(19), set(), []
    bodies = [wrong_body(dice) for _ in range(COUNT)]
    assert len({validate_body(text).status for _, text in bodies}) > 1
    for names, text in bodies:
        followed = corrected(text)
        sent += [(names, body) for body in followed]
        if not followed:
            refused.add(names)
    for (names, _), answer in zip(sent, bulk_api.answers([body for _, body in sent]), strict=True):
        if answer.status_code != 200:
            refused.add(names)
    assert not refused


@pytest.mark.parametrize("form", FORMS)
def test_no_contact_is_lost_on_the_way(form):
    (text,) = corrected(FORMS[form](TRUSTED))
    expected = TRUSTED["contacts"][: 1 if form == "one" else None]
    found = [
        {name: value for name, value in one.items() if value}
        for one in json.loads(text.removeprefix("\ufeff"))["contacts"]
    ]
    assert found == expected


@pytest.mark.parametrize("mistake", CONTACT_MISTAKES)
@pytest.mark.parametrize("form", ["json", "python", "csv", "form"])
def test_no_value_is_lost_on_the_way(form, mistake):
    contacts = [CONTACT_MISTAKES[mistake](contact) for contact in TRUSTED["contacts"]]
    (text,) = corrected(FORMS[form](TRUSTED | {"contacts": contacts}))
    for contact, one in zip(json.loads(text)["contacts"], TRUSTED["contacts"], strict=True):
        assert {*one.values()} - {"example.com"} <= {*contact.values()}
