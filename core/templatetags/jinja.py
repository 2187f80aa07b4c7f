"""Rows of long lists in Jinja2, which is faster than Django's templates (docs/decisions/0008)."""

from typing import Any

from django import template
from django.template import engines
from django.template.context import Context
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from jinja2 import Environment

from core.templatetags import console

register = template.Library()
FILTERS = (console.exact_time, console.short_time, console.number, console.in_plain_words)
FUNCTIONS = (console.icon, console.instant, console.pill, console.status_code, console.time_of_day)


def environment(**options: Any) -> Environment:
    """Return Jinja2 as the setting TEMPLATES names it, with the console's filters and tags (as functions)."""
    made = Environment(**options)  # noqa: S701 - Django sets autoescape
    made.filters |= {each.__name__: each for each in FILTERS}
    made.globals |= {each.__name__: each for each in FUNCTIONS}
    made.globals["url"] = lambda name, *args: reverse(name, args=args)
    return made


@register.simple_tag(takes_context=True)
def jinja(context: Context, name: str) -> SafeString:
    """Render the template ``name`` in ``templates/jinja2`` with the page's context."""
    values: Any = context.flatten()
    return mark_safe(engines["jinja2"].get_template(name).render(values))  # noqa: S308 - it escapes
