"""No form answers bad input with one of Django's stock sentences."""

from importlib import import_module

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.architecture.test_floors import FLOORS, ROOT
from tests.security.patterns import FILES

STOCK = (
    "Ensure ", "valid choice", "This field", "Enter a valid", "Null characters", "Enter a whole number.",
    "Enter a number.", "list of values", "complete value", "No file", "submitted file",
)  # fmt: skip
BAD = (
    None, "", " ", "\0", "no\0", "nope", "x" * 100_000, "x", "-1", "0", "1" * 40, "1." + "1" * 40, "1e999", "NaN",
    "-9e15", "2027-99-99", "25:61", "a@b", "a" * 300 + "@example.test", "tomorrow", [], ["nope"], [""],
    SimpleUploadedFile("empty.csv", b""), "not a file",
)  # fmt: skip


def every_form():
    """Yield the forms of all packages, and those of django-allauth that stand behind them."""
    for path in FILES:
        if "Form):" in path.read_text() and path.parent.name != "examples":
            import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    pending = [forms.BaseForm]
    while pending:
        for form in pending.pop().__subclasses__():
            pending.append(form)
            if form.__module__.startswith((*FLOORS, "allauth.account", "allauth.mfa")):
                yield form


def answers_to_bad_input(field):
    for value in BAD:
        try:
            field.clean(value) if not isinstance(field, forms.FileField) else field.clean(value, None)
        except ValidationError as error:
            yield from error.messages
        except (TypeError, AttributeError):
            continue  # a widget never gives this field such a value


def test_every_field_of_every_form_says_what_to_do():
    seen = set()
    for form in every_form():
        for name, field in form.base_fields.items():
            for words in answers_to_bad_input(field):
                assert not any(stock in words for stock in STOCK), (form, name, words)
                seen.add(words)
    assert len(seen) > 25


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        (forms.CharField(), "", "Fill in this field."),
        (forms.CharField(max_length=3), "four", "Shorten this to at most 3 characters; it has 4."),
        (forms.CharField(min_length=1, strip=False), "", "Fill in this field."),
        (forms.CharField(min_length=5), "four", "Enter at least 5 characters; this has 4."),
        (forms.CharField(error_messages={"required": "Choose a name."}), "", "Choose a name."),
        (forms.IntegerField(), "ten", "Enter a whole number, such as 10."),
        (forms.IntegerField(min_value=1), "0", "Enter 1 or more."),
        (forms.IntegerField(max_value=9), "10", "Enter 9 or less."),
        (forms.DecimalField(max_digits=4, decimal_places=2), "1.234", "Use at most 2 digits after the decimal point."),
        (forms.EmailField(), "nope", "Enter an email address, such as operations@example.com."),
        (forms.ChoiceField(choices=[("a", "A")]), "b", "Choose one of the options."),
        (forms.ChoiceField(choices=[("a", "A")]), "", "Choose one."),
        (forms.BooleanField(), "", "Check this box to continue."),
        (forms.TimeField(), "25:61", "Enter a time, such as 08:30."),
    ],
)
def test_a_field_says_what_to_enter(field, value, words):
    with pytest.raises(ValidationError) as refused:
        field.clean(value)
    assert refused.value.messages == [words]
