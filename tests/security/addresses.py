"""The addresses of the console, by walking its resolver."""

from django.urls import URLPattern, get_resolver, reverse


def all_addresses(patterns=None, namespace="", parts=()):
    """Yield the name of every address and the names of the parts that vary in it."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        varying = (*parts, *pattern.pattern.converters, *pattern.pattern.regex.groupindex)
        if isinstance(pattern, URLPattern):
            yield f"{namespace}{pattern.name}", tuple(dict.fromkeys(varying))
        else:
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from all_addresses(pattern.url_patterns, inner, varying)


PARTS = dict(all_addresses())


def address_of(name, names):
    return reverse(name, kwargs={part: names[part] for part in PARTS[name]})
