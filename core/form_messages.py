"""Replaces Django's default error messages of form fields with plain ones that say what to do.

Fields copy these messages when they are created, so this module must be imported before any form. A field's own
``error_messages`` and those of ``clean`` methods take precedence.
"""

from typing import Any

from django import forms
from django.utils.translation import ngettext_lazy

CleanedData = dict[str, Any]  # a form's ``cleaned_data``

_PLAIN: dict[type[forms.Field], dict[str, Any]] = {
    forms.Field: {
        "required": "Fill in this field.",
        "min_value": "Enter %(limit_value)s or more.",
        "max_value": "Enter %(limit_value)s or less.",
        "min_length": ngettext_lazy(
            "Enter at least %(limit_value)d character; this has %(show_value)d.",
            "Enter at least %(limit_value)d characters; this has %(show_value)d.",
            "limit_value",
        ),
        "max_length": ngettext_lazy(
            "Shorten this to at most %(limit_value)d character; it has %(show_value)d.",
            "Shorten this to at most %(limit_value)d characters; it has %(show_value)d.",
            "limit_value",
        ),
        "null_characters_not_allowed": "Contains an invisible character. Type it instead of pasting it.",
    },
    forms.IntegerField: {"invalid": "Enter a whole number, such as 10."},
    forms.DecimalField: {
        "invalid": "Enter a number, such as 12.5.",
        "max_digits": "Use at most %(max)s digits in total.",
        "max_decimal_places": "Use at most %(max)s digits after the decimal point.",
        "max_whole_digits": "Use at most %(max)s digits before the decimal point.",
    },
    forms.DateField: {"invalid": "Enter a date, such as 2027-01-31."},
    forms.TimeField: {"invalid": "Enter a time, such as 08:30."},
    forms.DateTimeField: {"invalid": "Enter a date and a time, such as 2027-01-31 08:30."},
    forms.EmailField: {"invalid": "Enter an email address, such as operations@example.com."},
    forms.URLField: {"invalid": "Enter a web address, such as https://example.com/."},
    forms.UUIDField: {"invalid": "Enter a complete ID, such as 123e4567-e89b-12d3-a456-426614174000."},
    forms.JSONField: {"invalid": "Your browser sent invalid data. Try again."},  # scripts write it, not people
    forms.BooleanField: {"required": "Check this box to continue."},
    forms.FileField: {
        "required": "Choose a file.",
        "missing": "Choose a file.",
        "invalid": "The file wasn't uploaded. Choose it again.",
        "empty": "The file is empty. Choose another one.",
    },
    forms.ChoiceField: {"required": "Choose one.", "invalid_choice": "Choose one of the options."},
    forms.MultipleChoiceField: {
        "required": "Choose at least one.",
        "invalid_choice": "Choose only from the options.",
        "invalid_list": "Choose only from the options.",
    },
}

for _field, _messages in _PLAIN.items():
    # From __dict__, so that a class without messages of its own does not get copies of its parent's.
    _field.default_error_messages = {**_field.__dict__.get("default_error_messages", {}), **_messages}
