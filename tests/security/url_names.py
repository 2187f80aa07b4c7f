"""The addresses of the console, by walking its resolver."""

from django.urls import URLPattern, get_resolver, reverse


def all_url_names(patterns=None, namespace="", parts=()):
    """Yield the name of every address and the names of the parts that vary in it."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        varying = (*parts, *pattern.pattern.converters, *pattern.pattern.regex.groupindex)
        if isinstance(pattern, URLPattern):
            yield f"{namespace}{pattern.name}", tuple(dict.fromkeys(varying))
        else:
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from all_url_names(pattern.url_patterns, inner, varying)


PARTS = dict(all_url_names())


def url_for(name, names):
    """Return the address ``name``; what is of one kind only goes under ``part@name``, with the whole names."""
    return reverse(bare_name(name), kwargs={part: _value(part, name, names) for part in PARTS[bare_name(name)]})


def bare_name(name):
    """Return the name of an address without the word that tells what is sent there."""
    return name.partition("#")[0]


def _value(part, name, names):
    for key, value in names.items():
        wanted, _, beginning = key.partition("@")
        if wanted == part and beginning and name in beginning.split():
            return value
    return names[part]
