"""The tag of forms that outlive a confirmation (a builtin library, as ``core.templatetags.console``)."""

from typing import Any

from django import template
from django.template.context import Context
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from workspaces.access import form_token
from workspaces.opened_forms import FIELD

register = template.Library()


@register.simple_tag(takes_context=True)
def opened_form(context: Context, address: str, *parts: Any) -> SafeString:
    """Draw the field that tells that a form was opened while the person was confirmed; see ``opened_forms``.

    ``address`` is where the form is sent: a path, or the name of one with its ``parts``.
    """
    url = address if address.startswith("/") else reverse(address, args=parts)
    mark = form_token(context["request"], url)
    return format_html('<input type="hidden" name="{}" value="{}">', FIELD, mark) if mark else SafeString("")
