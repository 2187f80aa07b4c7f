"""The tag for forms that outlive a confirmation. It is a builtin library, like ``core.templatetags.console``."""

from django import template
from django.template.context import Context
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from workspaces.access import form_token
from workspaces.opened_forms import FIELD

register = template.Library()


@register.simple_tag(takes_context=True)
def opened_form(context: Context, address: str, *parts: object) -> SafeString:
    """Render the hidden field that shows that a form was opened by a confirmed person; see ``workspaces.opened_forms``.

    ``address`` is the path that the form is sent to, or the name of a URL, with its arguments in ``parts``.
    """
    url = address if address.startswith("/") else reverse(address, args=parts)
    mark = form_token(context["request"], url)
    return format_html('<input type="hidden" name="{}" value="{}">', FIELD, mark) if mark else SafeString("")
