"""Which scope an endpoint asks for (``shared/reference``: "OAuth scopes")."""

import re

_SCOPES: tuple[tuple[str, str, str], ...] = (
    (r"(GET|)", r"/enrich(ment)?/status", "enrich:read"),
    (r".*", r"/enrich(ment)?/", "enrich:write"),
    (r".*", r"/credits/", "credits:read"),
    (r".*", r"/(usage|public/api-keys|v2/api-keys)", "admin:api_keys"),
    (r".*", r"/people", "people:read"),
    (r".*", r"/compan", "companies:read"),
    (r".*", r"/export", "export:read"),
    (r".*", r"/sync", "sync:write"),
    (r"(GET|)", r"/smart-agents", "smart_agents:read"),
    (r".*", r"/smart-agents", "smart_agents:write"),
    (r"(GET|)", r"/lead-lists", "lists:read"),
    (r".*", r"/lead-lists", "lists:write"),
)


def scope_of(endpoint: str) -> str:
    """Return the scope for ``endpoint``, such as "POST /api/v1/public/enrich/bulk"; empty where none is known."""
    method, _, path = endpoint.rpartition(" ")
    matching = (scope for verb, part, scope in _SCOPES if re.fullmatch(verb, method) and re.search(part, path))
    return next(matching, "")
