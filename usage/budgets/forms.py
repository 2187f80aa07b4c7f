from collections.abc import Mapping
from decimal import Decimal

from django import forms

from usage.models import Budget
from workspaces.time_zone_field import TimeZoneField

MOST = Decimal(10**12)


class BudgetForm(forms.Form):
    """The credits per month or week, and whether rules watch the budget."""

    credits = forms.DecimalField(
        label="Credits",
        min_value=Decimal(1),
        max_value=MOST,
        max_digits=17,
        decimal_places=4,
        widget=forms.NumberInput(attrs={"min": 1, "step": "any", "inputmode": "decimal"}),
        error_messages={
            "invalid": "Write a number of credits, for example 5000.",
            "min_value": "A budget is 1 credit at least. To have none, remove it.",
        },
    )
    length = forms.ChoiceField(label="For each", choices=Budget.Length.choices, widget=forms.RadioSelect)
    time_zone = TimeZoneField(
        label="Time zone",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="In which it begins and ends, such as Europe/Vienna. Empty: UTC.",
    )
    with_rules = forms.BooleanField(
        label="Add two alert rules: when it is passed, and when the forecast passes it",
        required=False,
        help_text="They email the workspace's owners. You can change or remove them under Alerts.",
    )

    def __init__(self, budget: Budget | None, data: Mapping[str, object] | None = None, *, has_rules: bool) -> None:
        """``has_rules``: rules already watch the budget."""
        known = {"length": Budget.Length.MONTH, "with_rules": budget is None}
        if budget:
            plain = f"{budget.credits.normalize():f}"
            known |= {"credits": plain, "length": budget.length, "time_zone": budget.time_zone}
        super().__init__(data, initial=known)
        if has_rules:
            del self.fields["with_rules"]
