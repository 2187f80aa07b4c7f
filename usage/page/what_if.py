"""The what-if form, which asks how long more credits would last."""

from decimal import Decimal

from django import forms

MOST = 1_000_000_000


class WhatIfForm(forms.Form):
    """A number of credits to add to the current balance."""

    more = forms.DecimalField(
        label="More credits",
        min_value=Decimal(1),
        max_value=Decimal(MOST),
        max_digits=14,
        decimal_places=4,
        widget=forms.NumberInput(attrs={"min": 1, "step": "any", "inputmode": "decimal"}),
        error_messages={"invalid": "Write a number of credits, for example 5000."},
    )
