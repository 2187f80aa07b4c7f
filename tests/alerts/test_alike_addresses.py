"""Addresses that look like another: what is typed, pasted or applied from a file shows what it really is."""

import pytest
from django.core.exceptions import ValidationError

from alerts import forms
from provisioning.document import parse_document
from provisioning.yaml_reader import NotApplicable
from workspaces.people_forms import InvitationForm

# With a Cyrillic letter in the domain; and what DNS and mail servers are asked for.
ALIKE, SHOWN = "ops@ex\u0430mple.com", "ops@xn--exmple-4nf.com"


def read_by(form, name="address"):
    return form.cleaned_data[name] if form.is_valid() else form.errors[name]


FIELDS = {
    "invitation": lambda address: read_by(InvitationForm({"email": address, "role": "viewer"}), "email"),
    "recipient": lambda address: read_by(forms.NewRecipientForm({"address": address, "summary": "daily"})),
    "test": lambda address: read_by(forms.TestForm({"address": address})),
    "rule": lambda address: forms.AddressesField().clean(f"{address}\n{address}")[0],
}


@pytest.mark.parametrize("field", FIELDS)
def test_a_domain_in_other_letters_is_shown_as_the_dns_has_it(field):
    assert FIELDS[field](ALIKE) == SHOWN


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("address", ["ops@example.com", "ops+alerts@m\u00fcnchen.example"])
def test_other_addresses_stay_the_same_mailbox(field, address):
    assert FIELDS[field](address) == address.replace("m\u00fcnchen", "xn--mnchen-3ya")


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("letter", ["\u212a", "\u0131", "\u0430"], ids=ascii)
def test_a_lookalike_mailbox_is_refused(field, letter):
    try:
        said = str(FIELDS[field](f"p{letter}@example.com"))
    except ValidationError as refused:  # a field by itself raises what a form gathers
        said = str(refused)
    assert "email address" in said


def test_a_file_of_set_up_is_read_the_same(tmp_path):
    text = f"workspaces:\n  acme:\n    members: {{{ALIKE}: viewer}}\n    recipients: {{{ALIKE}: {{summary: daily}}}}\n"
    [wanted] = parse_document(text.encode(), tmp_path)
    assert list(wanted.members.value) == list(wanted.recipients.value) == [SHOWN]


@pytest.mark.parametrize("part", ["members", "recipients"])
def test_a_file_of_set_up_takes_no_mailbox_in_other_letters(tmp_path, part):
    said = {"members": "viewer", "recipients": "{summary: daily}"}[part]
    text = f"workspaces:\n  acme:\n    {part}: {{pi\u212a@example.com: {said}}}\n"
    with pytest.raises(NotApplicable) as refused:
        parse_document(text.encode(), tmp_path)
    assert "Enter an email address" in refused.value.problems[0].text
